"""What the rounds add up to: a row for each fault, totals, percentiles, and the one line of JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from math import ceil
from typing import Any, Final

COUNTED: Final = ("lost", "duplicated", "paid_twice", "out_of_order", "leaked", "other")
NO_FAULT: Final = "(no fault under way)"


@dataclass(slots=True)
class Row:
    """One kind of fault."""

    injected: int = 0
    missed: int = 0  # nobody came by the point in time
    recoveries: list[float] = field(default_factory=list)
    unrecovered: int = 0  # something from before it had no outcome when patience ended
    breaches: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))


@dataclass(slots=True)
class Tally:
    """All rounds so far."""

    rows: dict[str, Row] = field(default_factory=dict)
    requests: int = 0
    rounds: int = 0
    excused: int = 0
    gave_up: int = 0  # workers that ended by themselves
    unjudged: list[str] = field(default_factory=list)

    def row(self, name: str) -> Row:
        """The row of a fault."""
        return self.rows.setdefault(name, Row())

    def breach(self, name: str, column: str) -> None:
        """Count one against a fault."""
        self.row(name).breaches[column] += 1

    @property
    def faults(self) -> int:
        """How many were injected."""
        return sum(row.injected for row in self.rows.values())

    def total(self, column: str) -> int:
        """Over all faults."""
        return sum(row.breaches[column] for row in self.rows.values())

    @property
    def unrecovered(self) -> int:
        """Over all faults."""
        return sum(row.unrecovered for row in self.rows.values())

    @property
    def failed(self) -> bool:
        """Whether anything is wrong."""
        return any(self.total(column) for column in COUNTED) or bool(self.unjudged or self.unrecovered)

    def recovery(self, share: float) -> float | None:
        """Of all faults."""
        return percentile([one for row in self.rows.values() for one in row.recoveries], share)

    def line(self) -> dict[str, Any]:
        """The one line of JSON."""
        p99 = self.recovery(0.99)
        return {
            "faults": self.faults,
            "requests": self.requests,
            **{column: self.total(column) for column in COUNTED},
            "recovery_p99_s": None if p99 is None else round(p99, 2),
        }

    def as_json(self) -> dict[str, Any]:
        """All of it, for the checkpoint."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Tally":
        """The reverse."""
        rows = {name: Row(**row) for name, row in told["rows"].items()}
        return cls(**{**told, "rows": rows})


def percentile(values: Iterable[float], share: float) -> float | None:
    """The smallest value that at least this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None
