"""Parking: requests leave their partition's offsets for the parked topic, and come back when they are due."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final

from streams.emission import Emissary
from streams.flow import Emission, Parcel, Problem
from streams.lot import Lot
from streams.observations import Fault, Observer, ParkedUnreadable
from streams.parked import Parked
from streams.ports import Clock, Outbox, ParkedBodies
from streams.waiting import Lane, Waiting

MOST_AT_ONCE = 64
UNREADABLE_S = 5.0  # until a record that cannot be read is looked at again
LONGEST_SLEEP_S = 0.1  # the clock of due times may be set; nothing is late by more than this


Resume = Callable[[Parked, Waiting], None]
Rewritten = Callable[[Parked, Waiting], None]


@dataclass(frozen=True, slots=True)
class Berth:
    """A place in the lot that is kept for a request whose record is on its way."""

    parked: Parked
    record: Emission
    waiting: Waiting


class Parking:
    """What waits outside of the partitions' offsets."""

    def __init__(
        self, emissary: Emissary, outbox: Outbox, bodies: ParkedBodies, clock: Clock, observer: Observer
    ) -> None:
        self.lot: Final = Lot()
        self._emissary: Final = emissary
        self._outbox: Final = outbox
        self._bodies: Final = bodies
        self._clock: Final = clock
        self._observer: Final = observer
        self._resume: Resume
        self._look_again: Callable[[str], None]
        self._rewritten: Rewritten
        self._when_opened: list[Callable[[int], None]] = []
        self._arrived_up_to: dict[int, int] = {}  # intake took in all that stands before, by partition
        self._blocked: dict[int, list[Waiting]] = {}
        self._ahead: dict[int, dict[str, int]] = {}  # tenants to look at when intake comes as far
        self._releases: list[Waiting] = []
        self._wake: Final = asyncio.Event()

    def bind(self, resume: Resume, look_again: Callable[[str], None], rewritten: Rewritten) -> None:
        """Where to hand over what goes on; who knows whether a tenant is paused still, and of cancels."""
        self._resume = resume
        self._look_again = look_again
        self._rewritten = rewritten

    def when_opened(self, act: Callable[[int], None]) -> None:
        """Called with each partition, when what is parked there may go on."""
        self._when_opened.append(act)

    # -- into the lot

    def reserve(self, parked: Parked, token: str | None = None) -> Berth | None:
        """Its session waits for it from now on; None where no record holds it."""
        record = self._emissary.parked(parked)
        if not self._emissary.fits(record):
            return None
        return Berth(parked, record, self.lot.reserve(parked, token))

    async def park(self, berth: Berth, extra: Iterable[Emission]) -> None:
        """Durable when it returns."""
        parked = berth.parked
        offset = await self._outbox.publish(Parcel(parked.record.partition, (berth.record, *extra)))
        self.lot.settle(berth.waiting, parked, -1 if offset is None else offset)
        self._wake.set()

    def settled(self, waiting: Waiting, parked: Parked, offset: int) -> None:
        """Its record was written by somebody else."""
        self.lot.settle(waiting, parked, offset)
        if self._stands(waiting):
            self._rewritten(parked, waiting)
        self._wake.set()

    def keep(self, waiting: Waiting) -> None:
        """It is in the pipeline beside its record here, and not due."""
        waiting.live = True
        self.lot.timetable.remove(waiting.identity)

    def place_of_latest(self, partition: int) -> int:
        """Of the records of a partition that intake took in."""
        return self._arrived_up_to.get(partition, 0) - 1

    # -- out of it

    def done(self, waiting: Waiting | None) -> None:
        """It has its outcome: whoever waits behind it goes on."""
        if waiting is None or self.lot.find(waiting.identity) is not waiting:
            return
        self.lot.remove(waiting.identity)
        if waiting.lane is not None:
            self.advance(waiting.lane)

    def advance(self, lane: Lane) -> None:
        """Release the first of a session's queue, if nothing else keeps it waiting."""
        following = self.lot.next_of(lane)
        if following is not None:
            self.release(following)

    def release(self, waiting: Waiting, ending: Problem | None = None) -> None:
        """Let it go on as soon as its body is read again."""
        waiting.live = True
        waiting.ending = ending or waiting.ending
        partition = waiting.place.partition
        arrived = self._arrived_up_to.get(partition)
        if arrived is None or (waiting.lane is not None and waiting.order >= arrived):
            # Not before its partition is open: its outcome may be published. And after a takeover an earlier
            # one of its session may still be on its way.
            self._blocked.setdefault(partition, []).append(waiting)
            return
        self._releases.append(waiting)
        self._wake.set()

    def passed(self, waiting: Waiting) -> bool:
        """Whether intake has passed its place: after a takeover others that came before may still come again.

        If it has not, its tenant is looked at again when it has.
        """
        partition = waiting.place.partition
        if waiting.order < self._arrived_up_to.get(partition, 0):
            return True
        self._ahead.setdefault(partition, {})[waiting.identity[0]] = waiting.order
        return False

    def back(self, waiting: Waiting, due: float | None) -> None:
        """It has to wait on; its record says so already."""
        waiting.live = False
        self.lot.overflow.arrived(waiting.identity)
        if due is not None:
            self.lot.timetable.set(waiting.identity, due)
            self._wake.set()

    # -- ownership

    def opened(self, partition: int, committed: int) -> None:
        """The partition is ours; all before the committed offset was dealt with or stands here."""
        self.arrived(partition, committed - 1)
        if unreadable := self.lot.unreadable(partition):
            self._observer.observe(ParkedUnreadable(partition, len(unreadable), unreadable[0]))
        lanes = {
            waiting.lane
            for waiting in self.lot.of(partition)
            if waiting.lane is not None and not waiting.live
        }
        for lane in lanes:
            self.advance(lane)
        for tenant_id in {*self.lot.paused_tenants(), *self.lot.overflow.tenants()}:
            self._look_again(tenant_id)  # it may have been resumed while nobody owned the partition
        for act in self._when_opened:
            act(partition)
        self._wake.set()  # what was read from the topic may be due

    def arrived(self, partition: int, offset: int) -> None:
        """Intake took in the record at this offset."""
        self._arrived_up_to[partition] = max(offset + 1, self._arrived_up_to.get(partition, 0))
        blocked = self._blocked.get(partition)
        if blocked:
            free = [one for one in blocked if one.lane is None or one.order <= offset]
            if free:
                self._blocked[partition] = [one for one in blocked if one not in free]
                self._releases += free
                self._wake.set()
        ahead = self._ahead.get(partition)
        if ahead:
            for tenant_id in [one for one, order in ahead.items() if order <= offset]:
                del ahead[tenant_id]
                self._look_again(tenant_id)

    def let_go(self, retained: Collection[int]) -> None:
        """Other partitions are another worker's now."""
        for partition in self.lot.owned() - set(retained):
            self.lot.begin(partition)
        for known in (self._arrived_up_to, self._blocked, self._ahead):
            for partition in set(known) - set(retained):
                del known[partition]

    # -- the clockwork

    async def run(self, room: Callable[[], Awaitable[object]]) -> None:
        """Release what is due, as long as there is room for it."""
        while True:
            self._wake.clear()
            self.collect_due()
            if self._releases:
                await room()
                await self.hand_over()
                continue
            try:
                async with asyncio.timeout(self._sleep_s()):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _sleep_s(self) -> float | None:
        due = self.lot.timetable.next()
        if due is None:
            return None
        return min(LONGEST_SLEEP_S, max(0.0, due - self._clock.at().timestamp()))

    def collect_due(self) -> None:
        """Release what is due by the clock."""
        for identity in self.lot.timetable.take(self._clock.at().timestamp(), MOST_AT_ONCE):
            waiting = self.lot.find(identity)
            if waiting is not None and not waiting.live:
                self.release(waiting)

    async def hand_over(self) -> None:
        """Read the bodies of some that are released, and put them into the pipeline again."""
        batch, self._releases = self._releases[:MOST_AT_ONCE], self._releases[MOST_AT_ONCE:]
        batch = [waiting for waiting in batch if self._stands(waiting)]
        bodies = await self._bodies.fetch([waiting.place for waiting in batch])
        for waiting, parked in zip(batch, bodies, strict=True):
            if not self._stands(waiting):
                continue
            if parked is None:
                self._observer.observe(Fault("parking", f"the record of {waiting.identity} cannot be read"))
                self.back(waiting, self._clock.at().timestamp() + UNREADABLE_S)
            else:
                self._resume(parked, waiting)

    def waits(self, waiting: Waiting) -> bool:
        """Whether it is here still, and nobody goes on with it."""
        return self._stands(waiting) and not waiting.live

    def _stands(self, waiting: Waiting) -> bool:
        return self.lot.find(waiting.identity) is waiting and waiting.place.offset >= 0
