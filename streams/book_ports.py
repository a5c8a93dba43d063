"""What the bookkeeper takes in, and what it needs from the outside, as small Protocols."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from streams.book_entries import Unreadable
from streams.books import Entry, Source
from streams.flow import Emission
from streams.ports import Clock

Place = tuple[Source, int]  # a source and a partition of it


class PlacesUnknown(Exception):
    """Kafka does not tell now where its partitions end; whoever asked asks again."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often what is done, and how much is held."""

    post_every_s: float = 1.0
    publish_every_s: float = 5.0
    most_pending: int = 10_000


@dataclass(frozen=True, slots=True)
class Posting:
    """One record that was read."""

    entry: Entry | Unreadable
    partition: int
    offset: int
    acknowledge: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a partition was fetched."""

    position: int  # the next offset to fetch
    fetched: int | None  # the last record handed to us, None if there was none


@dataclass(slots=True)
class Figures:
    """What the bookkeeper did since it was started."""

    counted: int = 0
    repeated: int = 0
    late: int = 0
    unreadable: int = 0
    published: int = 0
    closed: int = 0
    tombstones: int = 0
    last_unreadable: str = ""


class Shelf(Protocol):
    """The table, and the changelog records that it came to and that are not sent yet."""

    def contents(self) -> Mapping[bytes, bytes]:
        """What is in the table."""
        ...

    def put(self, key: bytes, value: bytes) -> None:
        """Set a value."""
        ...

    def drop(self, key: bytes) -> None:
        """Delete a key; in the changelog that is a tombstone."""
        ...

    def unsent(self) -> list[Emission]:
        """The changelog records since the last call, in order."""
        ...


class Press(Protocol):
    """Publishes."""

    async def send(self, emissions: list[Emission]) -> None:
        """Return when all of it is durable, however long that takes."""
        ...


class Gauge(Protocol):
    """Says how far there is to read, and how far was read. PlacesUnknown when Kafka does not answer."""

    async def ends(self, partitions: Collection[int]) -> Mapping[Place, int]:
        """The ends of both sources, open transactions included."""
        ...

    async def progress(self, partitions: Collection[int]) -> Mapping[Place, Progress]:
        """How far they were fetched."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What the bookkeeper works with."""

    press: Press
    gauge: Gauge
    clock: Clock
    pace: Pace
