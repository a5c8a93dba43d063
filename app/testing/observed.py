"""An observer that keeps what it was told."""

from typing import TypeVar

from streams.observations import Occurrence

T = TypeVar("T")


class Observed:
    """Everything that happened, in order."""

    def __init__(self) -> None:
        self.occurrences: list[Occurrence] = []

    def observe(self, occurrence: Occurrence) -> None:
        """One occurrence."""
        self.occurrences.append(occurrence)

    def of(self, kind: type[T]) -> list[T]:
        """Those of one kind."""
        return [occurrence for occurrence in self.occurrences if isinstance(occurrence, kind)]
