"""Occurrences -> log lines: what an operator should read, each at its level; never what was said.

Ordinary runs are debug lines. What a flood of bad input could repeat a thousand times a second is said once
in ten seconds, with how often it was left out.
"""

import re
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final

import structlog

from streams.observations import (
    BatchPublished,
    CallPaid,
    CommandDistrusted,
    DriftSeen,
    DuplicateSeen,
    Fault,
    GuardrailTripped,
    KeysRead,
    KeysUnread,
    LedgerRead,
    LimitRefused,
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

REPEAT_S = 10.0
MOST_KEYS = 1000
_REPR: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)\(")


class Repeats:
    """Lets the same thing through once in a while, and says how often it was held back."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now: Final = now
        self._seen: dict[Hashable, tuple[float, int]] = {}

    def left_out(self, key: Hashable) -> int | None:
        """How often this was held back since it was let through last; None: hold it back again."""
        now = self._now()
        since, count = self._seen.get(key, (None, 0))
        if since is not None and now - since < REPEAT_S:
            self._seen[key] = (since, count + 1)
            return None
        if len(self._seen) >= MOST_KEYS:
            self._seen.clear()
        self._seen[key] = (now, 0)
        return count


class LogObserver:
    """Logs what happens. Kinds that `level` leaves out cost one look-up."""

    def __init__(self, now: Callable[[], float], level: str = "info") -> None:
        self._log = structlog.get_logger("penstock.stream")
        self._repeats: Final = Repeats(now)
        self._on: Mapping[type, Callable[[Any], None]] = {
            RecordRejected: self._record_rejected,
            LimitRefused: self._limit_refused,
            DuplicateSeen: self._duplicate_seen,
            RequestDone: self._request_done,
            RunSlow: self._run_slow,
            GuardrailTripped: self._guardrail_tripped,
            StoreAway: self._store_away,
            OutcomeSealed: self._outcome_sealed,
            OwnershipChanged: self._ownership_changed,
            LedgerRead: self._ledger_read,
            RecordsSkipped: self._records_skipped,
            ParkedUnreadable: self._parked_unreadable,
            PlansRead: self._plans_read,
            PlanPassedOver: self._plan_passed_over,
            PlansUnread: self._plans_unread,
            CommandDistrusted: self._command_distrusted,
            KeysRead: self._keys_read,
            KeysUnread: self._keys_unread,
            PublishRetried: self._publish_retried,
            DriftSeen: self._drift_seen,
            Fault: self._fault,
        }
        if level == "debug":
            self._on = {
                **self._on,
                RequestDone: self._any_request_done,
                RunStarted: self._run_started,
                RunEnded: self._run_ended,
                CallPaid: self._call_paid,
                BatchPublished: self._batch_published,
                RequestParked: self._request_parked,
            }

    def observe(self, occurrence: Occurrence) -> None:
        """Log one occurrence, if it is worth a line."""
        tell = self._on.get(type(occurrence))
        if tell is not None:
            tell(occurrence)

    def _sparsely(self, tell: Callable[..., Any], event: str, key: Hashable, **fields: Any) -> None:
        left_out = self._repeats.left_out((event, key))
        if left_out is None:
            return
        if left_out:
            fields["left_out"] = left_out
        tell(event, **fields)

    def _record_rejected(self, rejected: RecordRejected) -> None:
        self._sparsely(
            self._log.warning,
            "a record was dead-lettered",
            rejected.code,
            code=rejected.code,
            partition=rejected.partition,
            offset=rejected.offset,
        )

    def _limit_refused(self, refused: LimitRefused) -> None:
        key = (refused.tenant_id, refused.code)
        self._sparsely(
            self._log.info, "a limit refused a request", key, tenant=refused.tenant_id, code=refused.code
        )

    def _duplicate_seen(self, seen: DuplicateSeen) -> None:
        self._sparsely(
            self._log.info,
            "a request id came again",
            (seen.tenant_id, seen.conflict),
            tenant=seen.tenant_id,
            other_body=seen.conflict,
        )

    def _run_started(self, started: RunStarted) -> None:
        self._log.debug("a run started", agent=started.agent, queued_s=round(started.queued_s, 4))

    def _run_ended(self, ended: RunEnded) -> None:
        self._log.debug("a run ended", agent=ended.agent, status=ended.status, run_s=round(ended.run_s, 4))

    def _request_done(self, done: RequestDone) -> None:
        if done.status == "failed":
            key = (done.agent, done.code)
            self._sparsely(self._log.warning, "a request failed", key, agent=done.agent, code=done.code)

    def _any_request_done(self, done: RequestDone) -> None:
        self._log.debug("a request is done", agent=done.agent, status=done.status, code=done.code)
        self._request_done(done)

    def _call_paid(self, paid: CallPaid) -> None:
        call = paid.call
        self._log.debug(
            "a model call was paid",
            call_id=call.call_id,
            model=call.model,
            state=call.state,
            input_tokens=call.input_tokens,
            output_tokens=call.output_tokens,
            cost_usd=call.cost_text,
        )

    def _run_slow(self, slow: RunSlow) -> None:
        notice = slow.notice
        self._log.warning(
            "a run is slow" if notice.what == "run" else "a model call is slow",
            agent=slow.agent,
            longer_than_s=notice.threshold_s,
            call_id=notice.call_id,
            model=notice.model,
        )

    def _guardrail_tripped(self, tripped: GuardrailTripped) -> None:
        notice = tripped.notice
        self._log.warning(
            "a guardrail tripped",
            agent=tripped.agent,
            guardrail=notice.guardrail,
            side=notice.side,
            of_agent=notice.agent,
            reasons=list(notice.reasons),
        )

    def _store_away(self, away: StoreAway) -> None:
        if away.back:
            self._log.info("a store answers again", store=away.store)
        else:
            self._sparsely(
                self._log.warning,
                "a store does not answer: admission waits",
                away.store,
                store=away.store,
                reason=away.reason,
            )

    def _outcome_sealed(self, sealed: OutcomeSealed) -> None:
        self._sparsely(
            self._log.error,
            "a decided outcome cannot be published here: its request waits",
            (sealed.tenant_id, sealed.request_id),
            tenant=sealed.tenant_id,
            request_id=sealed.request_id,
            reason=sealed.reason,
        )

    def _ownership_changed(self, changed: OwnershipChanged) -> None:
        self._log.info(
            "partitions assigned",
            partitions=list(changed.partitions),
            gained=list(changed.gained),
            lost=list(changed.lost),
        )

    def _ledger_read(self, read: LedgerRead) -> None:
        self._log.info(
            "a partition is open",
            partition=read.partition,
            records=read.records,
            seconds=round(read.seconds, 3),
        )

    def _request_parked(self, parked: RequestParked) -> None:
        self._log.debug("a request was parked", agent=parked.agent, reason=parked.reason)

    def _parked_unreadable(self, unreadable: ParkedUnreadable) -> None:
        self._log.error(
            "parked requests cannot be read and wait on: run the version that wrote them",
            partition=unreadable.partition,
            records=unreadable.records,
            first_offset=unreadable.first_offset,
        )

    def _records_skipped(self, skipped: RecordsSkipped) -> None:
        self._log.warning(
            "fetched records were not delivered; they are read again",
            partition=skipped.partition,
            before=skipped.offset,
        )

    def _plans_read(self, read: PlansRead) -> None:
        self._log.info("the tenants' plans are in force", plans=read.plans, seconds=round(read.seconds, 3))

    def _plan_passed_over(self, passed: PlanPassedOver) -> None:
        self._sparsely(
            self._log.warning,
            "a tenant's plan cannot be put in force: the former one holds",
            passed.tenant_id,
            tenant=passed.tenant_id,
            code=passed.code,
            why=passed.why,
        )

    def _plans_unread(self, unread: PlansUnread) -> None:
        self._sparsely(
            self._log.warning,
            "the tenants' plans cannot be read: those that are known hold",
            unread.reason[:40],
            reason=unread.reason,
        )

    def _command_distrusted(self, refused: CommandDistrusted) -> None:
        self._sparsely(
            self._log.warning,
            "a command was refused for its signature",
            refused.tenant_id,
            tenant=refused.tenant_id,
            command=refused.command,
            why=refused.why,
        )

    def _keys_read(self, read: KeysRead) -> None:
        self._log.info("the keys for signatures are in force", keys=read.keys, active=read.active)

    def _keys_unread(self, unread: KeysUnread) -> None:
        self._log.error(
            "the file of keys cannot be used: the keys that were known hold", reason=unread.reason
        )

    def _batch_published(self, batch: BatchPublished) -> None:
        self._log.debug(
            "outcomes were published",
            parcels=batch.parcels,
            records=batch.records,
            seconds=round(batch.seconds, 4),
        )

    def _publish_retried(self, retried: PublishRetried) -> None:
        self._sparsely(
            self._log.warning,
            "publishing failed and is tried again",
            retried.reason[:40],
            parcels=retried.parcels,
            reason=retried.reason,
        )

    def _drift_seen(self, seen: DriftSeen) -> None:
        self._log.warning(
            "what workers count of a tenant is not what the books counted",
            tenant=seen.tenant_id,
            what=seen.what,
            per=seen.per,
            agent=seen.agent,
            more=seen.more,
        )

    def _fault(self, fault: Fault) -> None:
        # The message is an exception's repr, which may quote a request: its type is enough here, the rest
        # stands in the dead letter.
        named = _REPR.match(fault.message)
        self._log.error("an error of ours", stage=fault.stage, error=named[1] if named else "unknown")
