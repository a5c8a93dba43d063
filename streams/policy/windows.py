"""Sliding windows over buckets: never more than the limit, and no burst at a window's edge.

A window of w seconds is counted as sixty buckets of w/60 seconds and the present one, so what is counted
covers at least w and at most w * 61/60 seconds. A second cannot be cut into sixty whole milliseconds, so it
is cut into a hundred. A calendar month is one bucket, and nothing before it counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

SECONDS: Mapping[str, int] = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}

Per = Literal["second", "minute", "hour", "day"]
Span = Per | Literal["month"]

BUCKETS: Mapping[Per, int] = {"second": 100, "minute": 60, "hour": 60, "day": 60}


@dataclass(frozen=True, slots=True)
class Window:
    """A limit on a number of things in a span of time."""

    limit: int
    per: Per = "minute"

    @property
    def bucket_ms(self) -> int:
        """How long one bucket is."""
        return SECONDS[self.per] * 1000 // self.buckets

    @property
    def buckets(self) -> int:
        """How many buckets stand before the present one."""
        return BUCKETS[self.per]

    def bucket(self, now_ms: int) -> int:
        """The present one."""
        return now_ms // self.bucket_ms

    def holds(self, bucket: int, now_ms: int) -> bool:
        """Whether what was counted there is still in the window."""
        return bucket >= self.bucket(now_ms) - self.buckets

    def leaves_ms(self, bucket: int) -> int:
        """When a bucket has left the window."""
        return (bucket + self.buckets + 1) * self.bucket_ms

    def emptied_ms(self, now_ms: int) -> int:
        """When all that there may be has left it."""
        return now_ms + (self.buckets + 1) * self.bucket_ms


@dataclass(frozen=True, slots=True)
class MonthWindow:
    """The same in a calendar month, which whoever asks has to know: its time zone is its tenant's."""

    limit: int
    number: int  # months since the year 0
    ends_ms: int
    allowed: int = 0  # what the plan says, without the overdraft that is part of the limit

    per: ClassVar[Literal["month"]] = "month"
    buckets: ClassVar[int] = 0

    def bucket(self, _now_ms: int) -> int:
        """The present one."""
        return self.number

    def holds(self, bucket: int, _now_ms: int) -> bool:
        """Whether what was counted there is of this month."""
        return bucket == self.number

    def leaves_ms(self, _bucket: int) -> int:
        """When a bucket has left the window."""
        return self.ends_ms

    def emptied_ms(self, _now_ms: int) -> int:
        """When all that there may be has left it."""
        return self.ends_ms


AnyWindow = Window | MonthWindow


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted, by bucket number."""

    buckets: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Within:
    """There was room for it, and it is counted."""

    used: int


@dataclass(frozen=True, slots=True)
class Full:
    """There is no room; there will be after `retry_after_ms`."""

    used: int
    retry_after_ms: int


def count(state: Counted, window: AnyWindow, now_ms: int, amount: int = 1) -> tuple[Counted, Within | Full]:
    """Count `amount` now, if it fits."""
    state = recent(state, window, now_ms)
    inside = {number: n for number, n in state.buckets.items() if window.holds(number, now_ms)}
    used = sum(inside.values())
    if used + amount > window.limit:
        return state, Full(used, _room_in(inside, window, now_ms, used + amount - window.limit))
    return put(state, window, now_ms, amount), Within(used + amount)


def recent(state: Counted, window: AnyWindow, now_ms: int) -> Counted:
    """What is still in the window. Months are kept: what began in the last one is settled there."""
    if isinstance(window, MonthWindow):
        return state
    return Counted({number: n for number, n in state.buckets.items() if window.holds(number, now_ms)})


def put(state: Counted, window: AnyWindow, now_ms: int, amount: int) -> Counted:
    """Count `amount` now, whether it fits or not."""
    bucket = window.bucket(now_ms)
    return Counted({**state.buckets, bucket: state.buckets.get(bucket, 0) + amount})


def both(one: Counted, other: Counted) -> Counted:
    """All of it."""
    buckets = one.buckets.keys() | other.buckets.keys()
    return Counted({number: one.buckets.get(number, 0) + other.buckets.get(number, 0) for number in buckets})


def raised(state: Counted, known: Counted) -> Counted:
    """In each bucket at least so much."""
    buckets = state.buckets.keys() | known.buckets.keys()
    return Counted(
        {number: max(state.buckets.get(number, 0), known.buckets.get(number, 0)) for number in buckets}
    )


def take_back(state: Counted, bucket: int, amount: int) -> Counted:
    """So much less in a bucket, if it is there still."""
    if bucket not in state.buckets:
        return state
    return Counted({**state.buckets, bucket: max(0, state.buckets[bucket] - amount)})


def _room_in(buckets: Mapping[int, int], window: AnyWindow, now_ms: int, missing: int) -> int:
    """Milliseconds until `missing` have left the window, which the oldest do first."""
    for number in sorted(buckets):
        missing -= buckets[number]
        if missing <= 0:
            return window.leaves_ms(number) - now_ms
    return window.emptied_ms(now_ms) - now_ms
