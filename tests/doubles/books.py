"""Kafka as the books see it, in memory: two sources, a changelog, committed offsets, a clock."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from streams.book_keepers import Keepers
from streams.book_ports import Desk, Pace, Place, PlacesUnknown, Posting, Progress
from streams.bookkeeper import Bookkeeper
from streams.books import Entry, Source
from streams.drift_watch import DriftWatch
from streams.flow import Emission
from streams.quota_keeper import QuotaKeeper
from streams.window_keeper import WindowKeeper

METRICS = "agent.metrics"
CHANGELOG = "changelog"


class Crash(Exception):
    """The process dies here."""


class SetClock:
    """Shows what it is set to."""

    def __init__(self, at: datetime = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)) -> None:
        self._at = at
        self._now = 5.0

    def now(self) -> float:
        """Seconds that have nothing to do with `at`."""
        return self._now

    def at(self) -> datetime:
        """What it was set to."""
        return self._at

    def ms(self) -> int:
        """The same in milliseconds."""
        return int(self._at.timestamp() * 1000)

    def advance(self, seconds: float) -> None:
        """Time goes by."""
        self._at += timedelta(seconds=seconds)
        self._now += seconds


class MemoryShelf:
    """The table: what was recovered, and what was written since."""

    def __init__(self, recovered: Mapping[bytes, bytes]) -> None:
        self.data = dict(recovered)
        self._unsent: list[Emission] = []

    def contents(self) -> Mapping[bytes, bytes]:
        """What is in the table."""
        return self.data

    def put(self, key: bytes, value: bytes) -> None:
        """Set a value."""
        self.data[key] = value
        self._unsent.append(Emission(CHANGELOG, 0, key, value))

    def drop(self, key: bytes) -> None:
        """Delete a key."""
        del self.data[key]
        self._unsent.append(Emission(CHANGELOG, 0, key, None))

    def unsent(self) -> list[Emission]:
        """The changelog records since the last call."""
        unsent, self._unsent = self._unsent, []
        return unsent


@dataclass
class MemoryKafka:
    """What outlives a crash. `dies_after`: so many more records are written, then the process dies."""

    sources: dict[Place, list[Entry]] = field(default_factory=dict)
    committed: dict[Place, int] = field(default_factory=dict)
    changelog: list[Emission] = field(default_factory=list)  # and what else is not published as metrics
    published: list[Emission] = field(default_factory=list)
    dies_after: int | None = None
    meanwhile: Callable[[], None] | None = None  # happens while something is being sent
    away: bool = False  # it does not tell where its partitions end
    markers: int = 0  # of transactions, behind the last record of each source

    def write(self, entry: Entry, partition: int = 0) -> None:
        """A response or a usage record appears."""
        self.sources.setdefault((entry.source, partition), []).append(entry)

    def table(self) -> dict[bytes, bytes]:
        """What recovery comes to: the last value of each key."""
        table: dict[bytes, bytes] = {}
        for record in self.changelog:
            if record.topic != CHANGELOG:
                continue
            assert record.key is not None
            if record.value is None:
                table.pop(record.key, None)
            else:
                table[record.key] = record.value
        return table

    async def send(self, emissions: list[Emission]) -> None:
        """One record after the other, until the process dies."""
        if self.meanwhile is not None:
            self.meanwhile()
        for emission in emissions:
            if self.dies_after is not None:
                if self.dies_after <= 0:
                    raise Crash
                self.dies_after -= 1
            (self.published if emission.topic == METRICS else self.changelog).append(emission)

    async def ends(self, partitions: Collection[int]) -> Mapping[Place, int]:
        """How much was written, markers included."""
        if self.away:
            raise PlacesUnknown
        return {
            (source, partition): len(self.sources.get((source, partition), ())) + self.markers
            for source in Source
            for partition in partitions
        }


class Session:
    """One life of the books' process, on partition 0."""

    def __init__(
        self,
        kafka: MemoryKafka,
        clock: SetClock,
        quotas: QuotaKeeper | None = None,
        windows: WindowKeeper | None = None,
        drift: DriftWatch | None = None,
    ) -> None:
        self.kafka = kafka
        self.shelf = MemoryShelf(kafka.table())
        desk = Desk(kafka, self, clock, Pace())
        self.bookkeeper = Bookkeeper(self.shelf, desk, METRICS, Keepers(quotas, windows, drift))
        self._fetched = dict(kafka.committed)
        self._handed: dict[Place, int] = {}  # the last of each, in this life
        self.bookkeeper.opened([0])

    async def ends(self, partitions: Collection[int]) -> Mapping[Place, int]:
        """How far there is to read."""
        return await self.kafka.ends(partitions)

    async def progress(self, partitions: Collection[int]) -> Mapping[Place, Progress]:
        """Everything that is handed over was fetched, and then the markers."""
        ends = await self.ends(partitions)
        return {
            place: Progress(
                ends[place] if self._left(place) == 0 else self._fetched.get(place, 0),
                self._handed.get(place),
            )
            for place in ends
        }

    def deliver(self, source: Source, most: int = 1_000_000) -> None:
        """Hand over the next records of a source, from what was committed on."""
        place = (source, 0)
        for _ in range(min(most, self._left(place))):
            offset = self._fetched.get(place, 0)
            self._fetched[place] = offset + 1
            self._handed[place] = offset
            entry = self.kafka.sources[place][offset]
            posting = Posting(entry, 0, offset, partial(self._commit, place, offset))
            self.bookkeeper.take(posting, self.bookkeeper.session)

    async def settle(self) -> None:
        """Read everything there is, count it, publish it."""
        await self.bookkeeper.open()
        for source in Source:
            self.deliver(source)
        await self.bookkeeper.post()
        await self.publish()

    async def publish(self) -> None:
        """And tell what is to be told."""
        await self.bookkeeper.publish()
        if self.bookkeeper.telling is not None:
            await self.bookkeeper.telling

    def _left(self, place: Place) -> int:
        return len(self.kafka.sources.get(place, ())) - self._fetched.get(place, 0)

    def _commit(self, place: Place, offset: int) -> None:
        self.kafka.committed[place] = offset + 1
