"""Calendar months of a time zone, as spans of time that follow each other without a gap or an overlap.

A span is what counts, not what a wall clock shows: where clocks go back over midnight of the first, the local
date says the old month once more for an hour, but the month began already.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """2026-11."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    @property
    def ordinal(self) -> int:
        """Months since the year 0."""
        return self.year * 12 + self.number - 1

    @property
    def following(self) -> "Month":
        """The next one."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def previous(self) -> "Month":
        """The one before."""
        return Month(self.year - (self.number == 1), (self.number - 2) % 12 + 1)


@dataclass(frozen=True, slots=True)
class Period:
    """A month as it is counted: from `start` up to, and not with, `end`."""

    month: Month
    time_zone: str
    start: datetime
    end: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end


def start_of(month: Month, time_zone: str) -> datetime:
    """Its first midnight; where clocks skip that one, the moment in which they do."""
    return datetime(month.year, month.number, 1, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def period_of(month: Month, time_zone: str) -> Period:
    """The whole of it."""
    return Period(month, time_zone, start_of(month, time_zone), start_of(month.following, time_zone))


def month_of(at: datetime, time_zone: str) -> Month:
    """The one whose span holds this moment."""
    local = at.astimezone(ZoneInfo(time_zone))
    month = Month(local.year, local.month)
    return month.following if at >= start_of(month.following, time_zone) else month


def period_after(period: Period, at: datetime, time_zone: str) -> Period:
    """The one that holds `at`, which is not before the end of `period`.

    A time zone that was changed meanwhile holds from here on. The next month begins where the last one ended,
    so that nothing is counted twice or by nobody; and it is the next in name, too, so that none comes twice.
    """
    following = period.month.following
    month = max(following, month_of(at, time_zone))
    whole = period_of(month, time_zone)
    return Period(month, time_zone, period.end, whole.end) if month == following else whole
