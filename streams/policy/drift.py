"""Drift: whether what the books counted and what workers count differ for good, and not only for the moment.

Workers hold what a run may use before it is used, and settle it before it is published: they are ahead of the
books by what is under way. So to count less than the books is wrong, unless it passes; to count more is wrong
only where nothing has moved for longer than a run takes. Two looks at a time tell.
"""

from dataclasses import dataclass

from streams.policy.gates import What

SETTLING_MS = 15 * 60_000  # between two looks: no run is under way that long without a call that is paid
ROUNDING = {"cost_usd": 1_000_000}  # a tenth of a cent: each part rounds up to whole nano-USD


@dataclass(frozen=True, slots=True)
class Figure:
    """Of a month both are the same; what lies at the edge of a window may count on either side of it."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Look:
    """What both sides counted at a moment. `moved` changes with anything that is added on either side."""

    at_ms: int
    books: Figure
    workers: Figure
    moved: tuple[int, ...]

    @property
    def missing(self) -> int:
        """How much less workers surely count."""
        return self.books.least - self.workers.most

    @property
    def excess(self) -> int:
        """How much more they surely count, with what runs under way hold."""
        return self.workers.least - self.books.most


def judge(before: Look | None, now: Look, what: What) -> tuple[Look, int | None]:
    """The look to compare the next one with, and how much more workers count; None: too early to say."""
    if before is None:
        return now, None
    if now.at_ms - before.at_ms < SETTLING_MS:
        return before, None
    allowed = ROUNDING.get(what, 0)
    missing = min(before.missing, now.missing)
    if missing > allowed:
        return now, -missing
    if now.moved == before.moved and now.excess > allowed:
        return now, now.excess
    return now, 0
