"""From when until when: moments, or days and months that begin in each tenant's own time zone. No I/O."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.operators.flags import moment_ago
from app.terminal.exits import Trouble
from streams.policy.months import Month

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
EARLIEST_YEAR, LATEST_YEAR = 1970, 9990
FIRST_ZONE = timedelta(hours=15)  # no place on earth begins a day earlier, before UTC does


@dataclass(frozen=True, slots=True)
class LocalDay:
    """A day's first midnight, wherever the tenant is."""

    day: date

    def start(self, zone: ZoneInfo) -> datetime:
        """There."""
        return datetime(self.day.year, self.day.month, self.day.day, tzinfo=zone).astimezone(UTC)


Bound = datetime | LocalDay | None


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` up to, and not with, `until`; None: without end."""

    since: Bound = None
    until: Bound = None

    def within(self, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
        """Its two ends as moments."""
        return _moment(self.since, zone), _moment(self.until, zone)

    @property
    def earliest(self) -> datetime | None:
        """Nothing before it is in the span, in whatever zone."""
        if isinstance(self.since, LocalDay):
            return self.since.start(ZoneInfo("UTC")) - FIRST_ZONE
        return self.since

    @property
    def is_local(self) -> bool:
        """Whether it depends on the time zone."""
        return isinstance(self.since, LocalDay) or isinstance(self.until, LocalDay)


def _moment(bound: Bound, zone: ZoneInfo) -> datetime | None:
    return bound.start(zone) if isinstance(bound, LocalDay) else bound


def span_of(since: str | None, until: str | None, at: datetime) -> Span:
    """What --since and --until say."""
    span = Span(_bound(since, "--since", at), _bound(until, "--until", at))
    first, last = span.within(ZoneInfo("UTC"))
    alike = isinstance(span.since, LocalDay) is isinstance(span.until, LocalDay)
    if alike and first is not None and last is not None and first >= last:
        raise Trouble(f"nothing lies between --since {since} and --until {until}: the first must be earlier")
    return span


def month_named(text: str) -> Month:
    """2026-11."""
    found = _MONTH.fullmatch(text)
    if found is not None:
        month = Month(int(found[1]), int(found[2]))
        if EARLIEST_YEAR <= month.year <= LATEST_YEAR and 1 <= month.number <= 12:
            return month
    raise Trouble(f"--month {text!r}: write a month such as 2026-11")


def span_of_month(month: Month) -> Span:
    """The whole of it."""
    following = month.following
    return Span(
        LocalDay(date(month.year, month.number, 1)), LocalDay(date(following.year, following.number, 1))
    )


def _bound(text: str | None, flag: str, at: datetime) -> Bound:
    if text is None or _DAY.fullmatch(text) is None:
        return moment_ago(text, flag, at)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        raise Trouble(f"{flag} {text!r}: there is no such day")
    return LocalDay(day)
