"""What the stream needs from the outside, as small Protocols; the adapters and the doubles fulfil them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from agents_defs.run_order import RunListener, RunOrder, RunResult
from streams.deltas import DeltaFeed
from streams.flow import Answered, Parcel, Verdict
from streams.policy.windows import Window


class StoreUnavailable(Exception):
    """A store does not answer now. Whoever asked waits and asks again; nothing is lost meanwhile."""


class LedgerLost(Exception):
    """The store forgot what was answered: a partition must be rebuilt before it admits anything."""

    def __init__(self, partitions: Sequence[int]) -> None:
        super().__init__(f"the ids answered on partitions {list(partitions)} are unknown")
        self.partitions = tuple(partitions)


class Clock(Protocol):
    """Two times: one to measure with, one to write down."""

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def at(self) -> datetime:
        """UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """One request that asks to be run, once per request id."""

    tenant_id: str
    request_id: str
    sha256: str
    partition: int
    window: Window | None  # None: it counts nowhere, and only asks whether the id is new


ShelfKind = Literal["responses", "deadletter"]


@dataclass(frozen=True, slots=True)
class Shelf:
    """One partition of one of the topics that tell what was answered."""

    kind: ShelfKind
    partition: int


class ClaimStore(Protocol):
    """Remembers which request ids were seen, and counts them in windows. All of it replay-safe."""

    async def claim(self, claims: Sequence[Claim]) -> Sequence[Verdict]:
        """Decide each claim, in order, atomically per tenant."""
        ...

    async def answer(self, answered: Sequence[Answered], checkpoints: Mapping[Shelf, int]) -> None:
        """Remember that these have their outcome, and up to where each shelf is remembered.

        A shelf of which nothing is remembered (the store was emptied) stays so: what stands before these is
        not known.
        """
        ...

    async def rebuilt(self, shelf: Shelf, position: int) -> None:
        """All of a shelf up to there is remembered."""
        ...

    async def checkpoint(self, shelf: Shelf) -> int | None:
        """Up to where a shelf is remembered; None when nothing of it is."""
        ...


class ConversationStore(Protocol):
    """What was said in a session before."""

    async def read(self, tenant_id: str, session_id: str, request_id: str) -> list[dict[str, Any]]:
        """The items of earlier turns; a turn that `request_id` itself left behind is not among them."""
        ...

    async def append(
        self, tenant_id: str, session_id: str, request_id: str, items: Sequence[dict[str, Any]]
    ) -> None:
        """Add the turn of one request; a second call for the same request replaces it."""
        ...


class Outbox(Protocol):
    """Publishes outcomes: returns when they are durable."""

    async def publish(self, parcel: Parcel) -> None:
        """All records of the parcel, together or not at all."""
        ...


class DeltaSink(Protocol):
    """Publishes what runs say while they run."""

    def touch(self, feed: DeltaFeed) -> None:
        """The feed has something new; it is collected within the delta window."""
        ...

    async def settle(self, feed: DeltaFeed) -> None:
        """Publish what is left of the feed and wait until it is durable."""
        ...


class Runs(Protocol):
    """Runs an agent once."""

    async def run(self, order: RunOrder, listener: RunListener) -> RunResult:
        """Raises RunFailure and nothing else."""
        ...
