"""What is read: records as they stand on their topics, and how much of each topic there is to read."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol


class Kind(StrEnum):
    """A topic, by its name without the prefix."""

    REQUESTS = "requests"
    RESPONSES = "responses"
    DEADLETTER = "deadletter"
    USAGE = "usage"
    DELTAS = "deltas"
    CONTROL = "control"
    TENANTS = "tenants"
    PARKED = "parked"


class Record(NamedTuple):
    """One record, as a read_committed reader sees it."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Extent:
    """Of one partition: the first offset that is still kept, where reading begins, and where it ends."""

    first: int
    start: int
    end: int

    @property
    def cut(self) -> bool:
        """Whether there are, or were, records before those that are read."""
        return self.start > 0


NOTHING = Extent(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the deployment promises by its settings."""

    requests_per_minute: int
    max_request_bytes: int
    idempotency_days: int
    tiers: Mapping[str, Any] = field(default_factory=dict)
    """The fields of each tier's default plan, as JSON has them."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of a deployment: everything that is judged was there by then."""

    at_ms: int
    names: Mapping[Kind, str]
    """The topics' names on the broker."""
    terms: Terms
    extents: Mapping[Kind, Mapping[int, Extent]]
    committed: Mapping[int, int]
    """The group's offset of each partition of the requests; none where it committed nothing."""
    since_ms: int | None = None
    undecided: frozenset[int] = frozenset()
    """Partitions on which a transaction stayed open: what it wrote is not known."""

    @property
    def partitions(self) -> int:
        """How many partitions the requests have."""
        return len(self.extents.get(Kind.REQUESTS, {}))

    def extent(self, kind: Kind, partition: int) -> Extent:
        """How much there is to read."""
        return self.extents.get(kind, {}).get(partition, NOTHING)


class Source(Protocol):
    """Where records come from: Kafka, or a dump."""

    @property
    def snapshot(self) -> Snapshot: ...

    def read(self, kind: Kind, partition: int, extent: Extent) -> AsyncIterator[Sequence[Record]]:
        """The records from `extent.start` until before `extent.end`, in their order, some at a time."""
        ...
