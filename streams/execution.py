"""One attempt at a request: what was recorded of it, the agent within its deadline, how it ended."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random

from agents_defs.questions import RunAwaitsReplies
from agents_defs.registry import AgentSpec, Registry, UnknownAgent
from agents_defs.run_journal import (
    ApprovalRequest,
    RunHandedOver,
    RunLost,
    RunNeedsApproval,
    RunOverLimit,
    RunPostponed,
    RunStopped,
)
from agents_defs.run_order import RunOrder, RunResult
from schemas.failures import Code, RunFailure
from schemas.responses import Memory, Status
from streams.conversations import Conversations, mark_of, stands_beside
from streams.deltas import DeltaFeed
from streams.estimates import used
from streams.flow import SEAT_AFTER_MS, Outcome, Problem, no_seat
from streams.journal import LiveJournal, Patience, of_generation, paid_by
from streams.judgement import backoff_s, judged, most_postponed
from streams.licence import Licence, Licences, unlimited
from streams.listener import Listener
from streams.observations import LimitRefused, Observer, RunEnded, RunStarted
from streams.parked import ParkReason, PendingApproval
from streams.policy.caps import Filled
from streams.ports import NOTHING, Begun, Clock, DeltaSink, Runs, RunStore
from streams.turns import Departure, HandedOver, Suspended, Turn

CRASHES_TOLERATED = 4
ASKED_S = 7 * 86_400.0  # how long another agent may take; without a deadline nothing else says
MARGIN_S = 86_400.0  # how much longer than it waits its journal is kept


@dataclass(frozen=True, slots=True)
class Execution:
    """Runs turns."""

    runs: Runs
    store: RunStore
    registry: Registry
    deltas: DeltaSink
    clock: Clock
    observer: Observer
    departure: Departure = field(default_factory=Departure)
    crashes_tolerated: int = CRASHES_TOLERATED
    licence: Licences = unlimited
    rng: Random = field(default_factory=Random)
    conversations: Conversations | None = None  # None: no agent's sessions stand beside the journals

    async def run(self, turn: Turn, feed: DeltaFeed | None) -> Outcome | Suspended | HandedOver:
        """Run one attempt. Only RunLost, cancellation and faults of ours come out as exceptions."""
        return await Attempt(self, turn, feed).run()


class Attempt:
    """One attempt, from its begin to its outcome."""

    def __init__(self, around: Execution, turn: Turn, feed: DeltaFeed | None) -> None:
        self._around = around
        self._turn = turn
        self._feed = feed
        self._started = around.clock.now()
        self._started_at = around.clock.at()
        self._patience = Patience(around.observer, around.departure)
        self._paid_before = 0
        received = turn.accepted.received
        self._queued_s = turn.queued_s if turn.queued_s is not None else self._started - received

    async def run(self) -> Outcome | Suspended | HandedOver:
        """See Execution.run."""
        turn, around = self._turn, self._around
        agent = turn.accepted.spec.name
        licence = self._licence = around.licence(turn, self._patience)
        if licence.seat is not None and turn.ending is None:
            unseated = await self._unseated(licence, licence.seat)
            if unseated is not None:
                return unseated
            self._begins_now()
        around.observer.observe(RunStarted(agent, self._queued_s))
        status: Status | str = Status.FAILED
        try:
            ended = await self._ended()
            status = ended.status if isinstance(ended, Outcome) else "suspended"
        except asyncio.CancelledError:
            status = Status.CANCELLED  # let go: its partition was lost, or the worker ends
            raise
        finally:
            around.observer.observe(RunEnded(agent, status, around.clock.now() - self._started))
        if self._feed is not None:
            await around.deltas.settle(self._feed)
        if isinstance(ended, Suspended):
            await self._rest(ended)
        return ended

    async def _unseated(
        self, licence: Licence, seat: Callable[[], Awaitable[Filled | None]]
    ) -> Outcome | Suspended | None:
        """What comes of it where as many runs are under way as there may be."""
        filled, turn = await seat(), self._turn
        if filled is None:
            return None
        refused, known = no_seat(filled), turn.first
        self._around.observer.observe(LimitRefused(turn.accepted.request.tenant_id, refused.code))
        if not licence.waits:
            begun = Begun({}) if turn.first else await self._gathered()
            if not begun.crashes and not turn.calls and not turn.spans:
                return self._outcome(refused.problem, begun, ran=False)
            known = True  # one that ran waits until it can go on: what it paid for is not thrown away
        after_s, bench = SEAT_AFTER_MS / 1000, filled.cap.bench
        resting = Suspended(
            ParkReason.WINDOW, after_s, turn.approvals, turn.spans, turn.queued_s, bench=bench
        )
        if known:  # else what earlier attempts used stays counted: here nobody has read what that is
            await self._rest(resting)
        return resting

    async def _gathered(self) -> Begun:
        """What earlier attempts did and paid for, if anything."""
        begun, _ = await self._begin()
        self._turn.calls[:] = paid_by(begun.entries, self._turn.key)
        return begun

    def _begins_now(self) -> None:
        """Not before it has its seat: until then it waited."""
        clock = self._around.clock
        self._started, self._started_at = clock.now(), clock.at()
        if self._turn.queued_s is None:
            self._queued_s = self._started - self._turn.accepted.received

    async def _ended(self) -> Outcome | Suspended | HandedOver:
        begun, journal = await self._begin()
        self._turn.calls[:] = paid_by(begun.entries, self._turn.key)
        self._paid_before = len(self._turn.calls)
        if self._feed is not None:
            self._feed.resume(begun.turns_out)
        obstacle = self._obstacle(begun)
        if obstacle is not None:
            return self._outcome(obstacle, begun, ran=False)
        return await self._carried_out(begun, journal)

    async def _carried_out(self, begun: Begun, journal: LiveJournal) -> Outcome | Suspended | HandedOver:
        ended: RunResult | RunFailure | Problem
        try:
            ended = await self._attempt(begun, journal)
        except RunFailure as failure:
            ended = failure
        except RunLost:
            raise
        except RunStopped as stopped:
            if not isinstance(stopped, RunPostponed) or not self._too_often(stopped):
                await journal.settle()
                return await self._stopped(stopped)
            ended = stopped.failure
        except asyncio.CancelledError:
            problem = self._turn.cancelled()
            if problem is None or _cancelled_again():
                await self._let_go(journal)
                raise
            ended = problem
        await journal.settle()
        return self._outcome(ended, begun)

    def _too_often(self, stopped: RunPostponed) -> bool:
        """Who waits for a window may wait as often as it takes, until its deadline."""
        return not isinstance(stopped, RunOverLimit) and len(self._turn.spans) >= most_postponed(stopped)

    # -- its begin

    async def _begin(self) -> tuple[Begun, LiveJournal]:
        turn, store = self._turn, self._around.store
        spec, session_id = turn.accepted.spec, _session_of(turn)
        version, beside = spec.version, session_id if stands_beside(spec) else None
        out = self._feed.turns_out if self._feed is not None else _nothing_out
        if turn.first and session_id is None:  # there is nothing to be read
            begun = Begun({}, agent_version=version)
            return begun, self._journal(begun, out, opens=version)
        try:
            begun = await self._patience.asked(lambda: store.begin(turn.key, version, session_id))
            severed = False
        except RunLost as lost:
            if not lost.emptied:
                raise
            begun, severed = Begun({}, agent_version=version, session_lost=True), True
        begun = replace(begun, entries=of_generation(begun.entries, turn.key))
        if beside is not None and self._around.conversations is not None:
            begun = await self._around.conversations.recalled(turn.key, beside, begun, severed=severed)
        journal = self._journal(begun, out)
        journal.severed = severed
        return begun, journal

    def _journal(self, begun: Begun, out: Callable[[], int], opens: int = 0) -> LiveJournal:
        journal = LiveJournal(self._around.store, self._turn.key, begun, out, self._patience, opens)
        self._turn.unsure.clear()
        journal.unsure = self._turn.unsure
        return journal

    def _obstacle(self, begun: Begun) -> RunFailure | Problem | None:
        """Why the run is not to go on, or not to begin."""
        if self._turn.ending is not None:
            return self._turn.ending
        if self._left_s() <= 0:
            return RunFailure(Code.EXPIRED, "the deadline passed before the run could go on")
        if begun.crashes > self._around.crashes_tolerated:
            return RunFailure(
                Code.CRASH_LOOP, f"{begun.crashes} attempts at this run ended with the end of their worker"
            )
        return None

    def _left_s(self) -> float:
        deadline = self._turn.accepted.request.deadline
        return (deadline - self._around.clock.at()).total_seconds() if deadline else float("inf")

    def _spec(self, begun: Begun) -> AgentSpec:
        """The version that the run began with."""
        spec = self._turn.accepted.spec
        if begun.agent_version in {0, spec.version}:
            return spec
        reference = f"{spec.name}@{begun.agent_version}"
        try:
            return self._around.registry.resolve(reference)
        except UnknownAgent:
            raise RunFailure(
                Code.AGENT_VERSION_GONE,
                f"the run began with {reference}, which this worker does not have: deploy it again",
            ) from None

    # -- the run

    async def _attempt(self, begun: Begun, journal: LiveJournal) -> RunResult:
        around, turn, request = self._around, self._turn, self._turn.accepted.request
        spec = self._spec(begun)
        licence = self._licence
        order = RunOrder(
            run_id=turn.run_id,
            tenant_id=request.tenant_id,
            request_id=request.request_id,
            spec=spec,
            input=request.input,
            timeout_s=min(spec.timeout_s, self._left_s()),
            user_id=request.user_id,
            session_items=begun.session_items,
            stream=request.stream,
            model=request.model,
            max_turns=request.max_turns,
            max_cost_usd=request.max_cost_usd,
            attempt=turn.attempt,
            metadata=request.metadata or {},
            journal=journal,
            paid=tuple(turn.calls),
            turns_out=begun.turns_out,
            allowance=licence.allowance,
            max_output_tokens=licence.max_output_tokens,
            tools=licence.tools,
            mcp_servers=licence.mcp_servers,
            redaction=licence.redaction,
            secrets=licence.secrets,
            replies=turn.replies,
            lineage=turn.lineage,
            decisions=turn.decisions,
        )
        listener = Listener(spec.name, around.observer, around.deltas, self._feed, turn.calls)
        return await around.runs.run(order, listener)

    # -- its end

    def _outcome(self, ended: RunResult | RunFailure | Problem, begun: Begun, *, ran: bool = True) -> Outcome:
        turn, clock = self._turn, self._around.clock
        finished_at = clock.at()
        deadline = turn.accepted.request.deadline
        spans = (*turn.spans, (self._started_at, finished_at)) if ran else turn.spans
        this_s = clock.now() - self._started if ran else 0.0
        return Outcome(
            calls=tuple(turn.calls),
            memory=_memory(turn, begun) if spans else Memory.NONE,
            mark=mark_of(begun),
            started_at=spans[0][0] if spans else None,
            finished_at=finished_at,
            queued_s=self._queued_s,
            run_s=sum((end - start).total_seconds() for start, end in turn.spans) + this_s,
            generation=turn.generation,
            spans=spans,
            **judged(ended, late=deadline is not None and finished_at > deadline),
        )

    async def _stopped(self, stopped: RunStopped) -> Suspended | HandedOver:
        if isinstance(stopped, RunHandedOver):
            await self._leave()
            return HandedOver()
        at = self._around.clock.at()
        approvals: tuple[PendingApproval, ...] = ()
        reason, after_s = ParkReason.RETRY, None
        if isinstance(stopped, RunOverLimit):
            reason, after_s = ParkReason.WINDOW, stopped.after_s
        elif isinstance(stopped, RunPostponed):
            after_s = max(stopped.after_s, backoff_s(len(self._turn.spans), self._around.rng))
        elif isinstance(stopped, RunNeedsApproval):
            reason = ParkReason.APPROVAL
            approvals = self._pending(stopped.requests)
        elif isinstance(stopped, RunAwaitsReplies):
            spans = (*self._turn.spans, (self._started_at, at))
            questions, left = stopped.questions, stopped.left_usd
            return Suspended(
                ParkReason.ASKED, None, self._turn.approvals, spans, self._queued_s, questions, left
            )
        spans = (*self._turn.spans, (self._started_at, at))
        if isinstance(stopped, RunOverLimit) and len(self._turn.calls) == self._paid_before:
            spans = self._turn.spans  # it only looked whether there is room by now
        return Suspended(reason, after_s, approvals, spans, self._queued_s)

    def _pending(self, requests: Sequence[ApprovalRequest]) -> tuple[PendingApproval, ...]:
        """Those that wait now, beside those that were decided before; who waited before keeps its expiry."""
        at, known = self._around.clock.at(), {one.approval_id: one for one in self._turn.approvals}
        for one in requests:
            before = known.get(one.approval_id)
            if before is None or before.arguments_digest != one.arguments_digest:
                known[one.approval_id] = PendingApproval(
                    one.approval_id,
                    one.tool,
                    one.call_id,
                    one.agent,
                    one.arguments,
                    one.arguments_digest,
                    at + timedelta(seconds=one.valid_s),
                )
        return tuple(known.values())

    async def _rest(self, suspended: Suspended) -> None:
        """What is recorded has to last until it goes on, and everything that it said is out."""
        store, key, at = self._around.store, self._turn.key, self._around.clock.at()
        keep_s = suspended.after_s or 0.0
        for one in suspended.approvals:
            keep_s = max(keep_s, (one.expires_at - at).total_seconds())
        if suspended.questions:
            keep_s = max(keep_s, ASKED_S)
        try:
            if self._feed is not None:
                out = self._feed.turns_out()
                await self._patience.asked(lambda: store.record(key, NOTHING, out))
            spent = used(self._turn.calls)
            await self._patience.asked(lambda: store.leave(key, keep_s + MARGIN_S, spent))
        except RunLost as lost:
            if not lost.emptied:
                raise

    async def _let_go(self, journal: LiveJournal) -> None:
        """What it paid for last is written down, if that can be done at once."""
        with contextlib.suppress(Exception):
            await journal.settle_once()
        await self._leave()

    async def _leave(self) -> None:
        """So that this attempt is not taken for a crash. What cannot be said now is not said."""
        try:
            await self._around.store.leave(self._turn.key, 0.0, used(self._turn.calls))
        except Exception:  # noqa: BLE001  a courtesy to whoever is next; nothing depends on it
            return


def _nothing_out() -> int:
    return 0


def _cancelled_again() -> bool:
    """Whether its partition was lost, too; a command's cancel alone ends here."""
    task = asyncio.current_task()
    return task is not None and task.uncancel() > 0


def _session_of(turn: Turn) -> str | None:
    """The session that the run is told of and adds to."""
    accepted = turn.accepted
    return None if accepted.spec.memory.store == "none" else accepted.request.session_id


def _memory(turn: Turn, begun: Begun) -> Memory:
    if _session_of(turn) is None:
        return Memory.NONE
    return Memory.LOST if begun.session_lost else Memory.KEPT
