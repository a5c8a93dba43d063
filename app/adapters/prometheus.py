"""Occurrences -> Prometheus metrics: an observer with everything bound beforehand.

It is told about every run several times, so each kind of occurrence has one function, found by its type, and
each label set has its child ready.
"""

import platform
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, disable_created_metrics

from app.adapters.prometheus_metrics import (
    AGENT_ERRORS,
    LIMITS,
    MOST_MODELS,
    OTHER,
    UNKNOWN,
    AgentChildren,
    Children,
    ModelChildren,
    ModelMetrics,
    PlanMetrics,
    PublishMetrics,
    RunMetrics,
    SigningMetrics,
    StreamMetrics,
)
from streams.observations import (
    BatchPublished,
    CallPaid,
    CommandDistrusted,
    DuplicateSeen,
    Fault,
    GuardrailTripped,
    KeysRead,
    KeysUnread,
    LedgerRead,
    Occurrence,
    OutcomeSealed,
    OwnershipChanged,
    ParkedUnreadable,
    PlanPassedOver,
    PlansRead,
    PlansUnread,
    PublishRetried,
    RecordRejected,
    RecordsSkipped,
    RequestDone,
    RequestParked,
    RunEnded,
    RunSlow,
    RunStarted,
    StoreAway,
)


class PrometheusObserver:
    """Counts what happens. `registry` is this worker's own; `agents` and `models` are the known names.

    All series of known names exist from the start, at zero: the first failure of a code is then an increase
    that `rate` sees, not a series that appears out of nowhere.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        agents: Iterable[str],
        models: Iterable[str] = (),
        version: str = "unknown",
    ) -> None:
        # They double the number of series, and nobody reads them.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library left it untyped
        runs, paid = RunMetrics(registry), ModelMetrics(registry)
        names = [UNKNOWN, *agents]
        self._agents = Children(lambda name: AgentChildren(name, runs), names, len(names), UNKNOWN)
        self._models = Children(lambda model: ModelChildren(model, paid), models, MOST_MODELS, OTHER)
        self._stream, self._publishing = StreamMetrics(registry), PublishMetrics(registry)
        self._plans, self._signing = PlanMetrics(registry), SigningMetrics(registry)
        self.seen = 0  # occurrences of any kind: a sign of life
        self._active = 0
        runs.active.set_function(lambda: self._active)
        build = Gauge("penstock_build_info", "Always 1.", ("version", "python"), registry=registry)
        build.labels(version, platform.python_version()).set(1)
        ProcessCollector(registry=registry)
        self._on: Final[Mapping[type, Callable[[Any], None]]] = {
            RecordRejected: self._record_rejected,
            DuplicateSeen: self._duplicate_seen,
            RunStarted: self._run_started,
            RunEnded: self._run_ended,
            RequestDone: self._request_done,
            CallPaid: self._call_paid,
            RunSlow: self._run_slow,
            GuardrailTripped: self._guardrail_tripped,
            StoreAway: self._store_away,
            OwnershipChanged: self._ownership_changed,
            RequestParked: self._request_parked,
            RecordsSkipped: self._records_skipped,
            ParkedUnreadable: self._parked_unreadable,
            OutcomeSealed: self._outcome_sealed,
            LedgerRead: self._ledger_read,
            PlansRead: self._plans_read,
            PlanPassedOver: self._plan_passed_over,
            PlansUnread: self._plans_unread,
            CommandDistrusted: self._command_distrusted,
            KeysRead: self._keys_read,
            KeysUnread: self._keys_unread,
            BatchPublished: self._batch_published,
            PublishRetried: self._publish_retried,
            Fault: self._fault,
        }

    def observe(self, occurrence: Occurrence) -> None:
        """Count one occurrence."""
        self.seen += 1
        count = self._on.get(type(occurrence))
        if count is not None:
            count(occurrence)

    def _run_started(self, started: RunStarted) -> None:
        self._active += 1
        self._agents[started.agent].queued(started.queued_s)

    def _run_ended(self, ended: RunEnded) -> None:
        self._active -= 1
        agent = self._agents[ended.agent]
        agent.ended[ended.status]()
        agent.duration(ended.run_s)

    def _request_done(self, done: RequestDone) -> None:
        agent = self._agents[done.agent]
        agent.requests[done.status]()
        code = done.code
        if code is None:
            return
        if code in AGENT_ERRORS:
            agent.errors[code]()
        if done.status == "refused":
            self._stream.refused[code]()
            if code in LIMITS:
                self._stream.limits[code]()
        if done.dead_letter:
            self._stream.dead_letters[code]()

    def _call_paid(self, paid: CallPaid) -> None:
        call = paid.call
        model = self._models[call.model]
        model.input(call.input_tokens)
        model.output(call.output_tokens)
        if call.cached_tokens:
            model.cached(call.cached_tokens)
        if call.reasoning_tokens:
            model.reasoning(call.reasoning_tokens)
        if call.cost_usd is None:
            model.unpriced()
        else:
            model.cost(float(call.cost_usd))
        model.calls[call.purpose]()
        model.seconds(call.finished - call.started)

    def _run_slow(self, slow: RunSlow) -> None:
        self._agents[slow.agent].slow[slow.notice.what]()

    def _guardrail_tripped(self, tripped: GuardrailTripped) -> None:
        self._agents[tripped.agent].trips[tripped.notice.side]()

    def _record_rejected(self, rejected: RecordRejected) -> None:
        self._stream.dead_letters[rejected.code]()

    def _duplicate_seen(self, seen: DuplicateSeen) -> None:
        self._stream.duplicates["conflict" if seen.conflict else "same"]()

    def _store_away(self, away: StoreAway) -> None:
        self._stream.away[away.store](0 if away.back else 1)
        if not away.back:
            self._stream.store_failures[away.store]()

    def _ownership_changed(self, _: OwnershipChanged) -> None:
        self._stream.rebalances()

    def _ledger_read(self, read: LedgerRead) -> None:
        self._publishing.ledger_records(read.records)
        self._publishing.ledger_s(read.seconds)

    def _request_parked(self, parked: RequestParked) -> None:
        self._stream.parked[parked.reason]()

    def _parked_unreadable(self, unreadable: ParkedUnreadable) -> None:
        self._stream.unreadable(unreadable.records)

    def _outcome_sealed(self, _: OutcomeSealed) -> None:
        self._stream.sealed()

    def _records_skipped(self, _: RecordsSkipped) -> None:
        self._stream.skipped()

    def _plans_read(self, read: PlansRead) -> None:
        self._plans.read_s(read.seconds)

    def _plan_passed_over(self, passed: PlanPassedOver) -> None:
        self._plans.passed_over[passed.code]()

    def _plans_unread(self, _: PlansUnread) -> None:
        self._plans.unread()

    def _command_distrusted(self, _: CommandDistrusted) -> None:
        self._signing.distrusted()

    def _keys_read(self, read: KeysRead) -> None:
        self._signing.keys(read.active)

    def _keys_unread(self, _: KeysUnread) -> None:
        self._signing.unread()

    def _batch_published(self, batch: BatchPublished) -> None:
        publishing = self._publishing
        publishing.parcels(batch.parcels)
        publishing.seconds(batch.seconds)
        publishing.records(batch.records)

    def _publish_retried(self, _: PublishRetried) -> None:
        self._publishing.retries()

    def _fault(self, fault: Fault) -> None:
        self._stream.faults[fault.stage]()
