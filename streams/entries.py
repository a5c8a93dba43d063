"""Entry: one request in the pipeline; Register: all of them, and how many there may be."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Final

from agents_defs.journal_entries import CALL
from agents_defs.run_order import ModelCall
from streams.deltas import DeltaFeed
from streams.flow import Accepted, Candidate, Outcome, Problem, Record, fingerprint, identity, same_record
from streams.parked import Parked
from streams.policy.fair_share import Demand
from streams.ports import Clock
from streams.tracker import Ticket
from streams.waiting import Identity, Waiting

NO_DEMAND: Final = Demand("")
Place = tuple[int, int]  # partition and offset
REFILL = 32  # records that intake takes in at a time once it was full: admission asks about them in one call


@dataclass(slots=True, eq=False)
class Entry:
    """One record in the pipeline, from its arrival until its outcome is durable."""

    place: Place
    candidate: Candidate
    token: str
    ticket: Ticket | None = None  # None: nothing of the requests topic waits for it
    generation: int = 0
    task: asyncio.Task[None] | None = None
    attempt: int = 1
    lane: tuple[str, str] | None = None
    demand: Demand = NO_DEMAND  # as it entered its lane
    charged: frozenset[str] = frozenset()  # ids of calls that earlier attempts paid for
    queued: bool = False  # it stands in its lane, or runs
    running: bool = False
    suspended: bool = False  # its run stopped, and it is being parked
    began: bool = False  # the run store knows of this attempt
    alarm: asyncio.TimerHandle | None = None  # the deadline before the run, then the time to park it
    feed: DeltaFeed | None = None
    calls: list[ModelCall] = field(default_factory=list)
    unsure: set[str] = field(default_factory=set)  # names of its journal's entries that may not be durable
    published: frozenset[str] = frozenset()
    outcome: Outcome | None = None  # of the run, until it is rendered
    parked: Parked | None = None  # its latest record on the parked topic
    waiting: Waiting | None = None  # its place among the parked ones, as long as it has a record there
    parking: asyncio.Task[None] | None = None  # its record there is being written while it runs
    ending: Problem | None = None  # why it is to end without going on: cancelled, not approved in time
    cancelled: bool = False
    same: list["Entry"] = field(default_factory=list)  # records with the same id, released with this one

    def admit(self, attempt: int, clock: Clock) -> None:
        """It counts. Of one that had to wait for that the time when it came says nothing of its windows."""
        self.attempt = attempt
        waited = self.parked is not None and not self.parked.attempt
        if waited and isinstance(self.candidate, Accepted):
            self.candidate = replace(self.candidate, counted_at=clock.at())

    @property
    def recorded(self) -> list[ModelCall]:
        """Calls that whoever goes on with it knows of: only those may be in the books before its outcome."""
        return [call for call in self.calls if f"{CALL}{call.call_id}" not in self.unsure]

    async def written(self) -> None:
        """Wait for its record that is being written beside its run; without end where it is not ours."""
        if self.parking is not None:
            await self.parking

    def differs(self, other: "Entry") -> bool:
        """Whether its body is another one."""
        return fingerprint(self.candidate) != fingerprint(other.candidate)

    def stop(self) -> None:
        """Whatever is being done about it is done in vain."""
        for task in (self.task, self.parking):
            if task is not None:
                task.cancel()


def refill(most: int, in_flight: int) -> int:
    """How many must have gone until intake that was full reads on."""
    return max(1, min(REFILL, (most - in_flight) // 2))


class Register:
    """The entries that are ours to work on, by place and by id. It has room for so many."""

    def __init__(self, most: int, in_flight: int) -> None:
        self._most: Final = most
        self._refill: Final = refill(most, in_flight)
        self._live: dict[Place, Entry] = {}
        self._by_id: dict[Identity, Entry] = {}
        self._closed = False
        self._displaced = 0
        self.room: Final = asyncio.Event()
        self.idle: Final = asyncio.Event()
        self.room.set()
        self.idle.set()

    def __len__(self) -> int:
        return len(self._live)

    def at(self, place: Place) -> Entry | None:
        """The entry whose record stands there."""
        return self._live.get(place)

    def find(self, key: Identity) -> Entry | None:
        """The entry that leads those of this id."""
        return self._by_id.get(key)

    def lives(self, entry: Entry) -> bool:
        """Whether it is still ours to work on."""
        return self._live.get(entry.place) is entry

    def add(self, entry: Entry) -> None:
        """It has arrived."""
        self._live[entry.place] = entry
        self.idle.clear()
        if len(self._live) >= self._most:
            self.room.clear()

    def claimant(self, record: Record) -> Entry | None:
        """Whose record this is. Another, of a topic that was there before, goes on without a place."""
        entry = self.at((record.partition, record.offset))
        if entry is None or same_record(entry.candidate.record, record):
            return entry
        del self._live[entry.place]
        entry.place, entry.ticket = self.nowhere(record.partition), None
        self._live[entry.place] = entry
        return None

    def nowhere(self, partition: int) -> Place:
        """A place where no record stands."""
        self._displaced += 1
        return partition, -self._displaced

    def lead(self, key: Identity, entry: Entry) -> None:
        """It is the first of its id."""
        self._by_id[key] = entry

    def forget_id(self, entry: Entry) -> None:
        """Its id is free."""
        key = identity(entry.candidate)
        if self._by_id.get(key) is entry:
            del self._by_id[key]

    def drop(self, entry: Entry) -> None:
        """It is no longer ours to work on."""
        if not self.lives(entry):
            return
        del self._live[entry.place]
        self.forget_id(entry)
        if entry.alarm is not None:
            entry.alarm.cancel()
        if len(self._live) <= self._most - self._refill and not self._closed:
            self.room.set()
        if not self._live:
            self.idle.set()

    def close(self) -> None:
        """There is no room any more."""
        self._closed = True
        self.room.clear()

    def within(self, partitions: Collection[int]) -> list[Entry]:
        """Those of these partitions."""
        return [entry for entry in self._live.values() if entry.place[0] in partitions]

    def outside(self, partitions: Collection[int]) -> list[Entry]:
        """Those of other partitions."""
        return [entry for entry in self._live.values() if entry.place[0] not in partitions]

    @property
    def oldest_received(self) -> float | None:
        """When the oldest record arrived (monotonic): they are kept in that order."""
        for entry in self._live.values():
            return entry.candidate.received
        return None
