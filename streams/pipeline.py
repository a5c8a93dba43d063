"""The five stages composed: what happens to a record, from its bytes to its released offset."""

import asyncio
import traceback
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, Final, assert_never

from schemas.failures import Code
from schemas.responses import Memory, Status
from streams.admission import Admission
from streams.deltas import DeltaFeed
from streams.emission import Emissary
from streams.execution import Execution, expired
from streams.flow import (
    Accepted,
    Admit,
    Candidate,
    Conflict,
    Duplicate,
    Gone,
    Invalid,
    Outcome,
    Problem,
    Record,
    Refuse,
    Rejected,
    Turn,
    Verdict,
    fingerprint,
    identity,
)
from streams.intake import Intake
from streams.lanes import Lanes
from streams.lifeline import Lifeline
from streams.observations import Fault, Observer, RecordRejected, RequestDone
from streams.options import FlowOptions
from streams.ports import Clock, ConversationStore, Outbox, StoreUnavailable
from streams.tracker import Ticket, Tracker

Place = tuple[int, int]  # partition and offset
SESSION_RETRY_S = 0.2
REFILL = 32  # records that intake takes in at a time once it was full: admission asks about them in one call


@dataclass(frozen=True, slots=True)
class Stages:
    """What the pipeline is composed of."""

    intake: Intake
    admission: Admission
    execution: Execution
    emissary: Emissary
    outbox: Outbox
    conversations: ConversationStore
    clock: Clock
    observer: Observer
    lifeline: Lifeline = field(default_factory=Lifeline)


@dataclass(slots=True, eq=False)
class Entry:
    """One record in the pipeline, from its arrival until its outcome is durable."""

    place: Place
    ticket: Ticket
    candidate: Candidate
    task: asyncio.Task[None] | None = None
    attempt: int = 1
    lane: tuple[str, str] | None = None
    running: bool = False
    alarm: asyncio.TimerHandle | None = None  # goes off when the deadline passes before the run is started
    feed: DeltaFeed | None = None
    outcome: Outcome | None = None  # of the run, until it is rendered
    same: list["Entry"] = field(default_factory=list)  # records with the same id, released with this one


class Pipeline:
    """Takes records in arrival order; releases each when what it came to is durable."""

    def __init__(self, stages: Stages, options: FlowOptions) -> None:
        self._stages: Final = stages
        self._options: Final = options
        # At most half of what waits beyond the slots may be missing meanwhile: no slot stays empty for it.
        self._refill: Final = max(1, min(REFILL, (options.max_held - options.max_in_flight) // 2))
        self.tracker: Final = Tracker()
        self.lanes: Lanes[Entry] = Lanes(options.max_in_flight)
        self._live: dict[Place, Entry] = {}
        self._by_id: dict[tuple[str, str], Entry] = {}
        self._candidates: list[Entry] = []
        self._admitting: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    # -- intake

    def accept(self, record: Record, ack: Callable[[], object]) -> None:
        """Take in the next record of its partition."""
        place = (record.partition, record.offset)
        ticket = self.tracker.add(record.partition, record.offset, ack)
        known = self._live.get(place)
        if known is not None:  # delivered again after a rebalance, and still being worked on
            known.ticket = ticket
            return
        stages = self._stages
        candidate = stages.intake.parse(record, stages.clock.now(), stages.clock.at())
        entry = self._live[place] = Entry(place, ticket, candidate)
        self._idle.clear()
        if len(self._live) >= self._options.max_held:
            self._room.clear()
        self._candidates.append(entry)
        if self._admitting is None:
            self._admitting = self._stages.lifeline.hold(asyncio.create_task(self._admit()))

    async def room(self) -> None:
        """Wait until one more record may be taken in: this is the back-pressure on Kafka."""
        if not self._room.is_set():
            await self._room.wait()

    def close(self) -> None:
        """Take in nothing more."""
        self._closed = True
        self._room.clear()

    @property
    def held(self) -> int:
        """How many records are in the pipeline."""
        return len(self._live)

    @property
    def oldest_received(self) -> float | None:
        """When the oldest record in the pipeline arrived (monotonic): they are kept in that order."""
        for entry in self._live.values():
            return entry.candidate.received
        return None

    async def idle(self) -> None:
        """Wait until the pipeline is empty."""
        await self._idle.wait()

    # -- admission

    async def _admit(self) -> None:
        """Decide all that wait, batch after batch: one round trip serves what arrived during the last."""
        try:
            while self._candidates:
                entries, self._candidates = self._candidates, []
                fresh = [entry for entry in entries if not self._attach(entry)]
                candidates = [entry.candidate for entry in fresh]
                verdicts = await self._stages.admission.decide(candidates) if candidates else ()
                for entry, verdict in zip(fresh, verdicts, strict=True):
                    self._dispatch(entry, verdict)
                self._start_runs()
        except Exception as error:
            # Nothing was released, so a restart reads these records again: better than to go on half blind.
            self._stages.observer.observe(Fault("admission", repr(error)))
            raise
        finally:
            self._admitting = None

    def _attach(self, entry: Entry) -> bool:
        """A second record with the id and body of one that is being worked on shares its fate."""
        if not self._lives(entry):
            return True  # its partition was lost meanwhile
        key = identity(entry.candidate)
        leader = self._by_id.get(key)
        if leader is None:
            self._by_id[key] = entry
            return False
        if fingerprint(leader.candidate) == fingerprint(entry.candidate):
            leader.same.append(entry)
        else:
            self._contradict(entry)
        return True

    def _dispatch(self, entry: Entry, verdict: Verdict) -> None:
        candidate = entry.candidate
        if not self._lives(entry):
            return
        match verdict:
            case Duplicate():
                self._done(entry)
            case Conflict() | Admit() if isinstance(candidate, Rejected):
                # A conflict of a place: the topic was made anew, and another record stood there before.
                self._spawn(entry, self._reject(entry, candidate))
            case Conflict():
                self._contradict(entry)
            case Gone():
                self._drop(entry)
            case Admit(attempt):
                entry.attempt = attempt
                self._admitted(entry)
            case Refuse(code, message, retry_after_ms):
                self._spawn(entry, self._refuse(entry, Problem(code, message, retry_after_ms)))
            case _:
                assert_never(verdict)

    def _contradict(self, entry: Entry) -> None:
        """The id was used before with another body: a dead letter, of which there is one per record, too."""
        tenant_id, request_id = identity(entry.candidate)
        self._forget_id(entry)
        entry.candidate = Rejected(
            entry.candidate.record,
            Code.DUPLICATE_CONFLICT,
            f"request_id {request_id!r} was used before with another body: choose a new one",
            entry.candidate.received,
            entry.candidate.received_at,
            request_id,
            tenant_id,
        )
        self._candidates.append(entry)
        same, entry.same = entry.same, []
        for other in same:
            self._contradict(other)

    def _admitted(self, entry: Entry) -> None:
        candidate = entry.candidate
        if isinstance(candidate, Invalid):
            self._spawn(entry, self._refuse(entry, Problem(candidate.code, candidate.message)))
        elif isinstance(candidate, Accepted):
            self._enqueue(entry, candidate)

    # -- lanes

    def _enqueue(self, entry: Entry, accepted: Accepted) -> None:
        request = accepted.request
        entry.lane = (request.tenant_id, request.session_id) if request.session_id is not None else None
        self.lanes.enter(entry.lane, entry)
        if request.deadline is not None:
            left_s = (request.deadline - self._stages.clock.at()).total_seconds()
            entry.alarm = asyncio.get_running_loop().call_later(max(0.0, left_s), self._expire, entry)

    def _expire(self, entry: Entry) -> None:
        """Who waits for its session or a slot beyond its deadline is answered at once, and never started."""
        candidate = entry.candidate
        if self._lives(entry) and entry.task is None and isinstance(candidate, Accepted):
            outcome = expired(self._stages.clock.now() - candidate.received)
            self._spawn(entry, self._finish(entry, candidate, outcome, _feed(entry)))

    def _start_runs(self) -> None:
        while (entry := self.lanes.start()) is not None:
            waits = self._lives(entry) and entry.task is None
            if not waits or not isinstance(entry.candidate, Accepted):
                self.lanes.leave(entry.lane)  # its partition was lost, or it expired, while it waited
                continue
            if entry.alarm is not None:
                entry.alarm.cancel()
            entry.running = True
            self._spawn(entry, self._run(entry, entry.candidate))

    # -- execution and emission

    async def _run(self, entry: Entry, accepted: Accepted) -> None:
        stages, request = self._stages, accepted.request
        entry.feed = _feed(entry)
        run_id = f"{request.tenant_id}/{request.request_id}/0.{entry.attempt}"
        turn = Turn(accepted, entry.attempt, accepted.received_at, run_id)
        entry.outcome = await stages.execution.run(turn, entry.feed)
        await self._finish(entry, accepted, entry.outcome, entry.feed)

    async def _finish(
        self, entry: Entry, candidate: Accepted | Invalid, outcome: Outcome, feed: DeltaFeed | None = None
    ) -> None:
        stages = self._stages
        parcel, outcome = stages.emissary.outcome(candidate, outcome, entry.attempt, feed, stages.clock.at())
        if outcome.new_items and isinstance(candidate, Accepted):
            await self._remember(candidate, outcome)
        self._leave(entry)  # the outbox keeps the order, so the next one need not wait for it
        await stages.outbox.publish(parcel)
        self._done(entry)
        agent = candidate.spec.name if isinstance(candidate, Accepted) else "unknown"
        code = outcome.problem.code if outcome.problem else None
        stages.observer.observe(RequestDone(agent, outcome.status, code, outcome.status is Status.FAILED))

    async def _remember(self, accepted: Accepted, outcome: Outcome) -> None:
        """The session's turn, before the outcome is published: who reads the answer may ask on at once."""
        request = accepted.request
        if request.session_id is None or outcome.memory is not Memory.KEPT:
            return
        while True:
            try:
                await self._stages.conversations.append(
                    request.tenant_id, request.session_id, request.request_id, outcome.new_items
                )
            except StoreUnavailable:
                await asyncio.sleep(SESSION_RETRY_S)
            else:
                return

    async def _refuse(self, entry: Entry, problem: Problem) -> None:
        candidate = entry.candidate
        if isinstance(candidate, Rejected):
            return
        queued_s = self._stages.clock.now() - candidate.received
        await self._finish(
            entry, candidate, Outcome(Status.REFUSED, problem, queued_s=queued_s), _feed(entry)
        )

    async def _reject(self, entry: Entry, rejected: Rejected) -> None:
        await self._stages.outbox.publish(self._stages.emissary.rejected(rejected))
        self._done(entry)
        record = rejected.record
        self._stages.observer.observe(RecordRejected(rejected.code, record.partition, record.offset))

    # -- the lane boundary

    def _spawn(self, entry: Entry, work: Coroutine[Any, Any, None]) -> None:
        task = entry.task = self._stages.lifeline.hold(asyncio.create_task(self._guard(entry, work)))
        task.add_done_callback(lambda _: self._ended(entry, work))

    def _ended(self, entry: Entry, work: Coroutine[Any, Any, None]) -> None:
        """However the task ended, its slot and its place in the session are free, and not before."""
        work.close()  # one that was cancelled before it began
        self._leave(entry)

    async def _guard(self, entry: Entry, work: Coroutine[Any, Any, None]) -> None:
        """The one place where anything may be caught: whatever went wrong, the request gets its outcome."""
        try:
            await work
        except Exception as error:
            self._stages.observer.observe(Fault("execution", repr(error)))
            if not self._lives(entry):
                return
            if isinstance(entry.candidate, Rejected):
                raise
            problem = Problem(
                Code.INTERNAL,
                "an error of ours; it is in the dead letter",
                exception=repr(error),
                stack=traceback.format_exc(),
            )
            # What the run has cost is kept, also where its answer could not be written down.
            ran = entry.outcome or Outcome(Status.FAILED)
            failed = replace(ran, status=Status.FAILED, problem=problem, output=None, new_items=())
            await self._finish(entry, entry.candidate, failed, entry.feed)

    def _done(self, entry: Entry) -> None:
        """The outcome is durable: release the offset, and let the next one start."""
        self._drop(entry)
        self.tracker.release(entry.ticket)
        for other in entry.same:
            self._drop(other)
            self.tracker.release(other.ticket)

    def _leave(self, entry: Entry) -> None:
        """Free the slot of a run, and its place in its session."""
        if entry.running:
            entry.running = False
            self.lanes.leave(entry.lane)
            self._start_runs()

    def _drop(self, entry: Entry) -> None:
        """The entry is no longer ours to work on; a run of it that still winds down keeps its slot."""
        if not self._lives(entry):
            return
        del self._live[entry.place]
        self._forget_id(entry)
        if entry.alarm is not None:
            entry.alarm.cancel()
        if len(self._live) <= self._options.max_held - self._refill and not self._closed:
            self._room.set()
        if not self._live:
            self._idle.set()

    def _lives(self, entry: Entry) -> bool:
        """Whether the entry is still ours to work on."""
        return self._live.get(entry.place) is entry

    def _forget_id(self, entry: Entry) -> None:
        key = identity(entry.candidate)
        if self._by_id.get(key) is entry:
            del self._by_id[key]

    # -- ownership

    def reassigned(self, retained: Collection[int]) -> None:
        """A new assignment. What is retained is delivered again and adopted; what was lost is let go."""
        self.tracker.reset(retained)
        lost = [entry for entry in self._live.values() if entry.place[0] not in retained]
        for entry in lost:
            self._drop(entry)  # at once: should the partition come back, it is delivered anew
        for entry in lost:
            if entry.task is not None:
                entry.task.cancel()


def _feed(entry: Entry) -> DeltaFeed | None:
    """The feed of a stream; also of one that never starts, for it has an end, too."""
    candidate = entry.candidate
    if isinstance(candidate, Accepted):
        streams = candidate.request.stream
    else:
        streams = isinstance(candidate, Invalid) and candidate.document.get("stream") is True
    return DeltaFeed(*identity(candidate), candidate.record.partition, entry.attempt) if streams else None
