"""What makes a request wait outside of its partition's offsets, and what it goes on as when it comes back."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from schemas.failures import Code
from streams.buffers import Allowance, Buffers
from streams.cancellations import Cancellations
from streams.caps import Capped
from streams.conveyor import Conveyor
from streams.correspondence import Correspondence
from streams.demands import Demands, tokens_of
from streams.emission import Emissary
from streams.entries import Entry
from streams.flow import Accepted, Candidate, Emission, Problem, Record, Refuse, identity, same_record
from streams.intake import Intake
from streams.keeping import Keeping
from streams.lifeline import Lifeline
from streams.observations import Fault, Observer, RequestParked
from streams.overdue import overdue
from streams.parked import Parked, ParkReason
from streams.parking import Berth, Parking
from streams.policy.caps import Bench
from streams.policy.fair_share import Demand
from streams.ports import Clock
from streams.seekers import Seekers
from streams.tenancy import Tenancy
from streams.tokens import Tokens
from streams.turns import Suspended
from streams.waiting import Identity, Waiting

SOON_S = 0.05


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What waiting needs of the worker."""

    clock: Clock
    observer: Observer
    lifeline: Lifeline
    park_after_s: float
    tenants: Tenancy
    allowance: Allowance
    letters: Correspondence
    caps: Capped


class Waits:
    """Between the pipeline and the parked topic."""

    def __init__(self, parking: Parking, intake: Intake, emissary: Emissary, around: Surroundings) -> None:
        clock, observer, lifeline = around.clock, around.observer, around.lifeline
        self.parking: Final = parking
        self.cancellations: Final = Cancellations(clock)
        self._intake: Final = intake
        self._clock: Final = clock
        self._observer: Final = observer
        self._lifeline: Final = lifeline
        self._park_after_s: Final = around.park_after_s
        self._tenants: Final = around.tenants
        self._tokens: Final = Tokens()
        self._keeping: Final = Keeping(emissary, around.letters, around.clock)
        self._buffers: Final = Buffers(parking, around.allowance)
        self.demands: Final = Demands(around.tenants)
        self._seekers: Final = Seekers(parking, around.caps)
        self._pipeline: Conveyor

    def bind(self, pipeline: Conveyor) -> None:
        """Whose requests these are."""
        self._pipeline = pipeline
        self._buffers.bind(pipeline.lanes)
        self.parking.bind(self.resume, self.plan_changed, self.rewritten)

    # -- what the pipeline asks

    def find(self, key: Identity) -> Waiting | None:
        """The parked request of this id."""
        return self.parking.lot.find(key)

    def arrived(self, record: Record) -> None:
        """Intake took this in."""
        self.parking.arrived(record.partition, record.offset)

    def cancelled_before(self, entry: Entry) -> Problem | None:
        """Somebody cancelled the request before it came."""
        since = entry.parked.replayed_at if entry.parked is not None else None
        return self.cancellations.take(identity(entry.candidate), since)

    def rewritten(self, parked: Parked, waiting: Waiting) -> None:
        """Its record was written anew by who does not run it, and it may have been cancelled meanwhile."""
        problem = self.cancellations.take(parked.identity, parked.replayed_at)
        if problem is not None:
            self.parking.release(waiting, problem)

    def instead(self, entry: Entry, accepted: Accepted) -> bool:
        """Whether it waits instead of standing in its lane now."""
        request = accepted.request
        if entry.parked is None and request.not_before is not None and request.not_before > self._clock.at():
            self._park(entry, accepted, ParkReason.NOT_BEFORE, due_at=request.not_before)
            return True
        if self._tenants.paused(request.tenant_id):
            self._pause(entry, accepted)
            return True
        queue = self.parking.lot.queue((request.tenant_id, request.session_id)) if request.session_id else []
        if queue and queue[0] is not entry.waiting:
            self._stay(entry, accepted, ParkReason.SESSION)
            return True
        if self._behind_seekers(entry, accepted):
            return True
        if self._buffers.turned_away(request.tenant_id, entry.waiting):
            self._stay(entry, accepted, ParkReason.OVERFLOW)
            return True
        return False

    def _behind_seekers(self, entry: Entry, accepted: Accepted) -> bool:
        """Who comes now does not take the seat that others wait for."""
        if entry.waiting is not None:
            return self._out_of_turn(entry, entry.waiting, accepted)
        bench, request = self._seekers.behind(accepted), accepted.request
        if bench is None or not self._tenants.terms(request.tenant_id).waits_for_seat(request.over_limit):
            return False
        self._park(entry, accepted, ParkReason.WINDOW, due_at=self._seat_at(bench))
        if entry.waiting is not None:
            self._seekers.add(entry.waiting, bench)
        return True

    def _out_of_turn(self, entry: Entry, waiting: Waiting, accepted: Accepted) -> bool:
        bench = self._seekers.out_of_turn(waiting)
        if bench is not None:
            self._back(entry, waiting, accepted, ParkReason.WINDOW, due_at=self._seat_at(bench))
        return bench is not None

    def _seat_at(self, bench: Bench) -> datetime:
        """When who waits there looks again, unless it is woken."""
        return self._clock.at() + timedelta(seconds=self._seekers.wait_s(bench))

    def for_window(self, entry: Entry, refuse: Refuse) -> bool:
        """Whether it waits until its tenant's window has room."""
        accepted = entry.candidate
        if not isinstance(accepted, Accepted) or refuse.retry_after_ms is None:
            return False
        if not self._tenants.waits(accepted.request.tenant_id, accepted.request.over_limit):
            return False
        waiting, due_at = entry.waiting, self._clock.at() + timedelta(milliseconds=refuse.retry_after_ms)
        if waiting is not None and waiting.reason is ParkReason.WINDOW:
            self.parking.back(waiting, _first_of(due_at, accepted))
            self._pipeline.drop(entry)
        else:
            self._park(entry, accepted, ParkReason.WINDOW, due_at=due_at, attempt=0)
        return True

    def asks_again(self, entry: Entry, accepted: Accepted, after_s: float) -> None:
        """It ran, and has to wait for what came of that; its session waits, too."""
        due_at = self._clock.at() + timedelta(seconds=after_s)
        if entry.waiting is None:
            self._park(entry, accepted, ParkReason.RETRY, due_at=due_at, started=True)
            return
        self.parking.back(entry.waiting, due_at.timestamp())
        self._pipeline.drop(entry)

    def watch(self, entry: Entry) -> None:
        """A run begins: when it lasts it is parked beside its running."""
        loop = asyncio.get_running_loop()
        self._seekers.begins(entry.waiting)
        entry.alarm = loop.call_later(self._park_after_s, self._park_running, entry)
        self.refill(entry.demand.tenant_id)

    def enters(self, accepted: Accepted) -> Demand:
        """It enters its lane, with this demand."""
        self.parking.lot.overflow.arrived(identity(accepted))
        return self.demands.of(accepted)

    def leaves(self, entry: Entry) -> int:
        """Its run has ended; says how many tokens it used."""
        used = tokens_of(entry.calls, entry.charged)
        if used and isinstance(entry.candidate, Accepted):  # one that found no seat tells nothing
            self.demands.learn(entry.candidate, used)
        return used

    def dropped(self, entry: Entry) -> None:
        """It is in the pipeline no more, for whatever reason."""
        key = entry.parked.identity if entry.parked is not None else identity(entry.candidate)
        self.parking.lot.overflow.arrived(key)
        self.refill(key[0])

    def plan_changed(self, tenant_id: str) -> None:
        """What only waited for this tenant goes on, unless it waits still."""
        if self._tenants.paused(tenant_id):
            return
        for waiting in self.parking.lot.resumed(tenant_id):
            if not waiting.live:
                self.parking.release(waiting)
        self.refill(tenant_id)
        self._seekers.wake_all(tenant_id)

    def done(self, entry: Entry) -> None:
        """It has its outcome."""
        self._seekers.remove(entry.waiting)
        self.parking.done(entry.waiting)
        self._seekers.freed(entry.candidate)

    def let_go(self, retained: Collection[int]) -> None:
        """Other partitions are another worker's now."""
        self.parking.let_go(retained)
        self._seekers.let_go()

    # -- into the lot

    async def suspend(self, entry: Entry, accepted: Accepted, suspended: Suspended) -> None:
        """A run stopped without an outcome: it is parked with the usage so far, and its slot is free."""
        entry.suspended = True
        await entry.written()
        due_at, bench = None, suspended.bench
        if bench is not None:
            due_at = self._seat_at(bench)
            if entry.waiting is not None:
                self._stand_back(entry, entry.waiting, bench, due_at)
                return
        elif suspended.after_s is not None:
            due_at = self._clock.at() + timedelta(seconds=suspended.after_s)
        parked, questions = self._keeping.suspended(entry, accepted, suspended, due_at)
        berth = self.parking.reserve(parked)
        if berth is None:
            await self._too_large(entry, accepted)
            return
        self._seekers.remove(entry.waiting)
        entry.waiting = berth.waiting
        told = [*self._keeping.people_asked(entry, accepted, parked), *questions]
        self._take_along(entry)
        self._pipeline.leave(entry)
        self._seekers.add(berth.waiting, bench) if bench is not None else self._seekers.freed(accepted)
        await self._write(entry, accepted, berth, told)

    def _stand_back(self, entry: Entry, waiting: Waiting, bench: Bench, due_at: datetime) -> None:
        """Its record says all that has to be known of it: it found no seat, and looks again."""
        waiting.reason = ParkReason.WINDOW
        self._take_along(entry)
        self._pipeline.leave(entry)
        self.parking.back(waiting, _first_of(due_at, entry.candidate))
        self._seekers.add(waiting, bench)
        self._pipeline.drop(entry)

    def _park_running(self, entry: Entry) -> None:
        candidate = entry.candidate
        unfinished = entry.running and entry.outcome is None and not entry.suspended
        if not self._pipeline.register.lives(entry) or not unfinished or not isinstance(candidate, Accepted):
            return
        parked = replace(self._keeping.parked(entry, candidate, ParkReason.RUNNING, None), started=True)
        try:
            berth = self.parking.reserve(parked)
        except (TypeError, ValueError) as error:
            self._observer.observe(Fault("parking", repr(error)))
            return
        if berth is None:
            return  # it holds up the offsets behind it, and goes on
        usage = self._keeping.usage(entry, candidate)
        # At once: should the run end before this is written, its outcome must not tell the same calls again.
        entry.published = frozenset(parked.published_calls)
        entry.waiting = berth.waiting
        self._take_along(entry)
        work = self._beside(entry, candidate, berth, usage)
        entry.parking = self._lifeline.hold(asyncio.create_task(work))

    async def _beside(
        self, entry: Entry, accepted: Accepted, berth: Berth, usage: Sequence[Emission]
    ) -> None:
        """Its record and the usage so far are written while it runs: another may go on from there.

        The outbox tries until they are; should it raise nevertheless, nobody knows whether they stand on
        Kafka, and the worker ends: its successor sees.
        """
        await self.parking.park(berth, usage)
        self.parking.keep(berth.waiting)
        entry.parked = berth.parked
        self._pipeline.release(entry)
        self._observer.observe(RequestParked(accepted.spec.name, berth.parked.reason))

    def _park(
        self,
        entry: Entry,
        accepted: Accepted,
        reason: ParkReason,
        *,
        due_at: datetime | None = None,
        **changed: Any,
    ) -> None:
        parked = replace(self._keeping.parked(entry, accepted, reason, due_at), **changed)
        berth = self.parking.reserve(parked, entry.token)
        if berth is None:
            self._pipeline.spawn(entry, self._too_large(entry, accepted))
            return
        entry.suspended = True
        entry.waiting = berth.waiting
        self._pipeline.spawn(entry, self._write(entry, accepted, berth))

    async def _too_large(self, entry: Entry, accepted: Accepted) -> None:
        """No record holds what it would have to wait with: its arguments, or the limits are set that high."""
        message = "what is to be kept while it waits does not fit into a record: ask for less at a time"
        await self._pipeline.conclude(entry, accepted, Problem(Code.OUTPUT_TOO_LARGE, message))

    def _pause(self, entry: Entry, accepted: Accepted) -> None:
        if entry.waiting is None:
            self._park(entry, accepted, ParkReason.PAUSED)
            return
        self.parking.lot.pause(entry.waiting)
        self._back(entry, entry.waiting, accepted, ParkReason.PAUSED)

    def _take_along(self, entry: Entry) -> None:
        """Those that waited behind it in its lane wait behind it in the lot."""
        for follower in self._pipeline.lanes.evict(entry.lane):
            accepted = follower.candidate
            alive = self._pipeline.register.lives(follower) and follower.task is None
            if not alive or not isinstance(accepted, Accepted):
                continue
            if follower.alarm is not None:
                follower.alarm.cancel()
            follower.queued = False
            self._stay(follower, accepted, ParkReason.SESSION)

    def _stay(self, entry: Entry, accepted: Accepted, reason: ParkReason) -> None:
        """It waits outside of the pipeline, behind those that came before it."""
        waiting, session_id = entry.waiting, accepted.request.session_id
        if waiting is not None and (waiting.lane is not None or session_id is None):
            self._back(entry, waiting, accepted, reason)
        elif waiting is None:
            self._park(entry, accepted, reason)
        else:  # it stands in no queue yet, and came when its time had come: it is the latest
            self._park(entry, accepted, reason, order=self.parking.place_of_latest(entry.place[0]))

    def refill(self, tenant_id: str) -> None:
        """There may be room for what the tenant has outside."""
        if not self._tenants.paused(tenant_id):
            self._buffers.refill(tenant_id)

    def _back(
        self,
        entry: Entry,
        waiting: Waiting,
        accepted: Accepted,
        reason: ParkReason = ParkReason.SESSION,
        due_at: datetime | None = None,
    ) -> None:
        """It has its record and its place in its session's queue: it is released when its turn comes."""
        waiting.reason = reason
        self._seekers.pass_on(waiting)
        if reason is ParkReason.OVERFLOW:
            self.parking.lot.overflow.add(waiting)
        if entry.parked is not None and not entry.parked.started:
            waiting.token = entry.token
        self.parking.back(waiting, _first_of(due_at, accepted))
        self._pipeline.drop(entry)

    async def _write(
        self, entry: Entry, accepted: Accepted, berth: Berth, told: Sequence[Emission] = ()
    ) -> None:
        parked, waiting = berth.parked, berth.waiting
        await self.parking.park(berth, [*told, *self._keeping.usage(entry, accepted)])
        self._pipeline.drop(entry)
        self._pipeline.release(entry)
        self._observer.observe(RequestParked(accepted.spec.name, parked.reason))
        resumed = parked.reason is ParkReason.PAUSED and not self._tenants.paused(parked.tenant_id)
        if entry.ending is not None or resumed or self._seekers.woken(waiting):
            self.parking.release(waiting, entry.ending)
        elif waiting.lane is not None:
            self.parking.advance(waiting.lane)

    # -- out of it

    def resume(self, parked: Parked, waiting: Waiting) -> None:
        """A parked request goes on: it asks for its admission as one that was just read."""
        now, at = self._clock.now(), self._clock.at()
        place = (parked.record.partition, parked.record.offset)
        standing = self._pipeline.register.at(place)
        if standing is not None and same_record(standing.candidate.record, parked.record):
            self.parking.back(waiting, at.timestamp() + SOON_S)  # delivered again, and not yet recognised
            return
        if standing is not None:
            place = self._pipeline.register.nowhere(place[0])
        entry = Entry(
            place,
            self._intake.again(parked, now, at),
            waiting.token or self._tokens.next(),
            generation=parked.generation,
            published=frozenset(parked.published_calls),
            parked=parked,
            waiting=waiting,
            ending=waiting.ending or overdue(parked, at),
        )
        self._pipeline.enter(entry)


def _first_of(due_at: datetime | None, candidate: Candidate) -> float | None:
    """When something is to be done about it: at its deadline, or before."""
    deadline = candidate.request.deadline if isinstance(candidate, Accepted) else None
    moments = [moment.timestamp() for moment in (due_at, deadline) if moment is not None]
    return min(moments, default=None)
