"""What those who end, park and resume requests need of the pipeline."""

from collections.abc import Coroutine
from typing import Any, Protocol

from streams.entries import Entry, Register
from streams.flow import Accepted, Problem
from streams.lanes import Lanes


class Conveyor(Protocol):
    """The pipeline, seen from its stages."""

    @property
    def register(self) -> Register:
        """The requests in it."""
        ...

    @property
    def lanes(self) -> Lanes[Entry]:
        """Where they wait for their sessions and for slots."""
        ...

    def enter(self, entry: Entry) -> None:
        """Ask for its admission."""
        ...

    def spawn(self, entry: Entry, work: Coroutine[Any, Any, None]) -> None:
        """Work on it in a task of its own."""
        ...

    async def run(self, entry: Entry, accepted: Accepted) -> None:
        """One attempt, and what follows from how it ends."""
        ...

    async def conclude(self, entry: Entry, accepted: Accepted, problem: Problem) -> None:
        """It fails of this, and what it cost is kept."""
        ...

    async def readmit(self, entry: Entry) -> None:
        """Another attempt was admitted: see whose it is."""
        ...

    def leave(self, entry: Entry) -> None:
        """Free its slot, and its place in its session."""
        ...

    def release(self, entry: Entry) -> None:
        """Release its offset."""
        ...

    def drop(self, entry: Entry) -> None:
        """It is in the pipeline no more."""
        ...

    def done(self, entry: Entry) -> None:
        """Its outcome is durable."""
        ...
