"""Records on our topics that cannot be read: they are passed over, counted and told. No I/O."""

from dataclasses import dataclass

from app.client.record_filter import Raw


@dataclass(slots=True)
class Skipped:
    """How many, and where the first one stands."""

    count: int = 0
    first: str = ""

    def add(self, record: Raw) -> None:
        """One more."""
        self.first = self.first or f"{record.topic} {record.partition}@{record.offset}"
        self.count += 1

    def line(self) -> str | None:
        """None where all could be read."""
        if not self.count:
            return None
        if self.count == 1:
            return f"1 record cannot be read and was skipped: {self.first}"
        return f"{self.count} records cannot be read and were skipped; the first: {self.first}"
