"""The five stages composed: what happens to a record, from its bytes to its released offset."""

import asyncio
import traceback
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, Final, assert_never

from agents_defs.run_journal import RunLost
from schemas.failures import Code
from streams.admission import Admission, application
from streams.completion import Completion
from streams.endings import Endings
from streams.entries import Entry, Register
from streams.execution import Execution
from streams.feeds import feed_of
from streams.flow import (
    Accepted,
    Admit,
    Conflict,
    Decided,
    Duplicate,
    Gone,
    Invalid,
    Outcome,
    Problem,
    Record,
    Refuse,
    Rejected,
    Sealed,
    Verdict,
    fingerprint,
    identity,
)
from streams.intake import Intake, contradiction
from streams.lanes import Lanes
from streams.lifeline import Lifeline
from streams.locked import Locked
from streams.observations import DuplicateSeen, Fault, Observer
from streams.options import FlowOptions
from streams.pacing import Pace, Unpaced
from streams.ports import Clock
from streams.tokens import Tokens
from streams.tracker import Tracker
from streams.turns import HandedOver, Suspended, Turn, taken_up
from streams.waits import Waits


@dataclass(frozen=True, slots=True)
class Stages:
    """What the pipeline is composed of."""

    intake: Intake
    admission: Admission
    execution: Execution
    completion: Completion
    waits: Waits
    clock: Clock
    observer: Observer
    lifeline: Lifeline = field(default_factory=Lifeline)
    pace: Pace = field(default_factory=Unpaced)


class Pipeline:
    """Takes records in arrival order; releases each when what it came to is durable."""

    def __init__(self, stages: Stages, options: FlowOptions) -> None:
        self._stages: Final = stages
        self._options: Final = options
        self.tracker: Final = Tracker()
        self.register: Final = Register(options.max_held, options.max_in_flight)
        self.lanes: Lanes[Entry] = Lanes(options.max_in_flight)
        self._tokens: Final = Tokens()
        self._candidates: list[Entry] = []
        self._admitting: asyncio.Task[None] | None = None
        self.endings: Final = Endings(self, stages.completion, stages.clock)
        self._locked: Final = Locked(self, self.endings, stages.waits, stages.completion)
        stages.waits.bind(self)

    # -- intake

    def accept(self, record: Record, ack: Callable[[], object]) -> None:
        """Take in the next record of its partition."""
        ticket = self.tracker.add(record.partition, record.offset, ack)
        known = self.register.claimant(record)
        if known is not None:  # delivered again after a rebalance, and still being worked on
            known.ticket = ticket
            if known.parked is not None:
                self.release(known)
            self._stages.waits.arrived(record)
            return
        stages = self._stages
        candidate = stages.intake.parse(record, stages.clock.now(), stages.clock.at())
        self.enter(Entry((record.partition, record.offset), candidate, self._tokens.next(), ticket))
        stages.waits.arrived(record)

    def enter(self, entry: Entry) -> None:
        """Ask for its admission, with all that arrive meanwhile."""
        self.register.add(entry)
        self._candidates.append(entry)
        if self._admitting is None:
            self._admitting = self._stages.lifeline.hold(asyncio.create_task(self._admit()))

    async def room(self) -> None:
        """Wait until one more record may be taken in: this is the back-pressure on Kafka."""
        await self.register.room.wait()

    def close(self) -> None:
        """Take in nothing more."""
        self.register.close()

    @property
    def held(self) -> int:
        """How many records are in the pipeline."""
        return len(self.register)

    @property
    def oldest_received(self) -> float | None:
        """When the oldest record in the pipeline arrived (monotonic)."""
        return self.register.oldest_received

    async def idle(self) -> None:
        """Wait until the pipeline is empty."""
        await self.register.idle.wait()

    # -- admission

    async def _admit(self) -> None:
        """Decide all that wait, batch after batch: one round trip serves what arrived during the last."""
        try:
            while self._candidates:
                entries, self._candidates = self._candidates, []
                fresh = self._fresh(entries)
                applications = [application(entry) for entry in fresh]
                verdicts = await self._stages.admission.decide(applications) if applications else ()
                for entry, verdict in zip(fresh, verdicts, strict=True):
                    self._dispatch(entry, verdict)
                self.start_runs()
        except Exception as error:
            # Nothing was released, so a restart reads these records again: better than to go on half blind.
            self._stages.observer.observe(Fault("admission", repr(error)))
            raise
        finally:
            self._admitting = None

    def _fresh(self, entries: Collection[Entry]) -> list[Entry]:
        """Those to ask the store about, one of each id."""
        fresh: list[Entry] = []
        for entry in entries:
            leader = self.register.find(identity(entry.candidate))
            if leader is not None and leader.differs(entry) and leader in fresh:
                self._candidates.append(entry)  # not before the store has said which of the two it knows
            elif not self._attach(entry):
                fresh.append(entry)
        return fresh

    def _attach(self, entry: Entry) -> bool:
        """A second record with the id and body of one that is being worked on, or waits, shares its fate."""
        if not self.register.lives(entry):
            return True  # its partition was lost meanwhile
        key = identity(entry.candidate)
        leader = self.register.find(key)
        if leader is entry:
            return False
        waiting = self._stages.waits.find(key) if entry.waiting is None else None
        if leader is None and waiting is None:
            self.register.lead(key, entry)
            return False
        known = fingerprint(leader.candidate) if leader is not None else waiting and waiting.sha256
        if known != fingerprint(entry.candidate):
            self._contradict(entry)
        elif leader is None or leader.parked is not None:  # the record of the first is durable elsewhere
            self._stages.observer.observe(DuplicateSeen(key[0], conflict=False))
            self.done(entry)
        else:
            leader.same.append(entry)
        return True

    def _dispatch(self, entry: Entry, verdict: Verdict) -> None:
        candidate = entry.candidate
        if not self.register.lives(entry):
            return
        completion = self._stages.completion
        match verdict:
            case Duplicate():
                self._duplicate(entry)
            case Conflict() | Admit() if isinstance(candidate, Rejected):
                # A conflict of a place: the topic was made anew, and another record stood there before.
                self.spawn(entry, completion.reject(self, entry, candidate))
            case Conflict():
                self._contradict(entry)
            case Gone():
                self.drop(entry)
            case Decided() | Sealed():
                self._locked.decided(entry, verdict)
            case Admit(attempt):
                entry.admit(attempt, self._stages.clock)
                self._admitted(entry)
            case Refuse():
                self._refused(entry, verdict)
            case _:
                assert_never(verdict)

    def _refused(self, entry: Entry, refuse: Refuse) -> None:
        entry.attempt = max(entry.attempt, refuse.attempt)
        if entry.ending is not None:
            self.endings.end(entry, entry.ending)
        elif not self._stages.waits.for_window(entry, refuse):
            self.spawn(entry, self._stages.completion.refuse(self, entry, refuse.problem))

    def _duplicate(self, entry: Entry) -> None:
        """It was answered before. Its parked record, which a replay of a replay may have, is of no use."""
        if entry.waiting is not None:
            self.spawn(entry, self._stages.completion.tidy(self, entry))
        elif self._stages.completion.letters.awaiting(entry.candidate) is not None:
            self.spawn(entry, self._stages.completion.answered_before(self, entry))
        else:
            self.done(entry)

    def _contradict(self, entry: Entry) -> None:
        """The id was used before with another body: a dead letter, of which there is one per record, too."""
        self.register.forget_id(entry)
        entry.candidate = contradiction(entry.candidate)
        self._candidates.append(entry)
        same, entry.same = entry.same, []
        for other in same:
            self._contradict(other)

    def _admitted(self, entry: Entry) -> None:
        candidate = entry.candidate
        waits = self._stages.waits
        if isinstance(candidate, Invalid):
            problem = Problem(candidate.code, candidate.message)
            self.spawn(entry, self._stages.completion.refuse(self, entry, problem))
        elif isinstance(candidate, Accepted):
            entry.ending = entry.ending or waits.cancelled_before(entry)
            if entry.ending is not None:
                self.endings.end(entry, entry.ending)
            elif not waits.instead(entry, candidate):
                self._enqueue(entry, candidate)

    # -- lanes

    def _enqueue(self, entry: Entry, accepted: Accepted) -> None:
        request, left_s = accepted.request, None
        if request.deadline is not None:
            left_s = (request.deadline - self._stages.clock.at()).total_seconds()
            if left_s <= 0:
                self.endings.expire(entry)
                return
        entry.lane = (request.tenant_id, request.session_id) if request.session_id is not None else None
        entry.queued, entry.demand = True, self._stages.waits.enters(accepted)
        self.lanes.enter(entry.lane, entry, entry.demand)
        if left_s is not None:
            entry.alarm = asyncio.get_running_loop().call_later(left_s, self.endings.expire, entry)

    def start_runs(self) -> None:
        """As many as are ready and have a slot; none where this worker ends: who is next starts them."""
        if self._stages.execution.departure.begun:
            return
        pace, lanes = self._stages.pace, self.lanes
        while (entry := lanes.start(modest=not pace.allows(lanes.running))) is not None:
            waits = self.register.lives(entry) and entry.task is None
            if not waits or not isinstance(entry.candidate, Accepted):
                # Its partition was lost, or it ended, while it waited.
                lanes.leave(entry.lane, entry.demand, None)
                self._stages.waits.refill(entry.demand.tenant_id)  # it stood there until now
                continue
            if entry.alarm is not None:
                entry.alarm.cancel()
            entry.running, entry.charged = True, entry.published
            self._stages.waits.watch(entry)
            self.spawn(entry, self.run(entry, entry.candidate))
            pace.began(self.start_runs, prompt=lanes.modest_beside_others(entry.demand.tenant_id))

    # -- execution

    async def run(self, entry: Entry, accepted: Accepted) -> None:
        entry.feed = entry.feed or feed_of(entry)
        try:
            ended = await self._stages.execution.run(self._turn(entry, accepted), entry.feed)
        except RunLost:
            await self.readmit(entry)
            return
        match ended:
            case Suspended():
                await self._stages.waits.suspend(entry, accepted, ended)
            case HandedOver():
                return  # its offset is not released: whoever is next reads it again
            case Outcome():
                entry.outcome = replace(ended, published=entry.published)
                await self._stages.completion.finish(self, entry, accepted, entry.outcome, entry.feed)
            case _:
                assert_never(ended)

    def _turn(self, entry: Entry, accepted: Accepted) -> Turn:
        parked = entry.parked
        first = entry.attempt == 1 and entry.generation == 0 and parked is None and not entry.began
        entry.began = True
        return Turn(
            accepted,
            entry.attempt,
            entry.token,
            entry.generation,
            entry.calls,
            ending=entry.ending,
            cancelled=lambda: entry.ending if entry.cancelled else None,
            first=first,
            lineage=self._stages.completion.letters.lineage(accepted),
            unsure=entry.unsure,
            **taken_up(parked),
        )

    async def readmit(self, entry: Entry) -> None:
        """Another attempt was admitted. If the partition is ours nevertheless, the store will say so."""
        self.leave(entry)
        await entry.written()  # or else it might stand over what that attempt has written since
        if self.register.lives(entry):
            entry.token = self._tokens.next()
            entry.began, entry.task, entry.feed, entry.outcome = False, None, None, None
            self.enter(entry)

    # -- the lane boundary

    def spawn(self, entry: Entry, work: Coroutine[Any, Any, None]) -> None:
        """Work on an entry in a task of its own."""
        task = entry.task = self._stages.lifeline.hold(asyncio.create_task(self._guard(entry, work)))
        task.add_done_callback(lambda _: self._ended(entry, task, work))

    def _ended(self, entry: Entry, task: "asyncio.Task[None]", work: Coroutine[Any, Any, None]) -> None:
        """However the task ended, its slot and its place in the session are free, and not before."""
        work.close()  # one that was cancelled before it began
        if entry.task in {task, None}:
            self.leave(entry)
        if task.cancelled() and entry.ending is not None and self.register.lives(entry):
            self.endings.end(entry, entry.ending)  # a command cancelled it before it ran

    async def _guard(self, entry: Entry, work: Coroutine[Any, Any, None]) -> None:
        """The one place where anything may be caught: whatever went wrong, the request gets its outcome."""
        try:
            await work
        except Exception as error:
            self._stages.observer.observe(Fault("execution", repr(error)))
            if not self.register.lives(entry):
                return
            if isinstance(entry.candidate, Rejected):
                raise
            problem = Problem(
                Code.INTERNAL,
                "an error of ours; it is in the dead letter",
                exception=repr(error),
                stack=traceback.format_exc(),
            )
            await self.conclude(entry, entry.candidate, problem)

    async def conclude(self, entry: Entry, candidate: Accepted | Invalid, problem: Problem) -> None:
        """It fails of this."""
        await self._stages.completion.conclude(self, entry, candidate, problem)

    def done(self, entry: Entry) -> None:
        """The outcome is durable: release the offset, and let the next one start."""
        self.drop(entry)
        self.release(entry)
        self._stages.waits.done(entry)

    def release(self, entry: Entry) -> None:
        """Release its offset, and those of the records that share its fate."""
        if entry.ticket is not None:
            ticket, entry.ticket = entry.ticket, None
            self.tracker.release(ticket)
        same, entry.same = entry.same, []
        for other in same:
            self.done(other)

    def leave(self, entry: Entry) -> None:
        """Free the slot of a run, and its place in its session."""
        if entry.running:
            entry.running = False
            self.lanes.leave(entry.lane, entry.demand, self._stages.waits.leaves(entry))
            self.start_runs()

    def drop(self, entry: Entry) -> None:
        """The entry is no longer ours to work on; a run of it that still winds down keeps its slot."""
        self.register.drop(entry)
        self._stages.waits.dropped(entry)

    # -- ownership

    def reassigned(self, retained: Collection[int]) -> None:
        """A new assignment. What is retained is delivered again and adopted; what was lost is let go."""
        self.tracker.reset(retained)
        lost = self.register.outside(retained)
        for entry in lost:
            self.drop(entry)  # at once: should the partition come back, it is delivered anew
        for entry in lost:
            entry.stop()
        self._stages.waits.let_go(retained)
