"""Compares what the books counted with what workers count, a few tenants at a time; tells what differs."""

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from schemas.tenants import Quota
from streams.book_spans import UNLIMITED, present
from streams.books import TenantBook
from streams.observations import DriftSeen, Observer
from streams.policy.drift import SETTLING_MS, Figure, Look, judge
from streams.policy.gates import Gate, Rule
from streams.policy.quota_gates import bounded
from streams.policy.windows import MonthWindow, Window
from streams.ports import Clock, StoreUnavailable

FEWEST, MOST = 20, 200  # tenants in one go
LATE_MS: Final = 60_000  # books that are further behind are compared with nothing
LOOK_AGAIN_MS: Final = 30_000  # where there was nobody to compare
EDGE: Final = 1  # buckets: a call is paid at most so much later than it was held for


@dataclass(frozen=True, slots=True)
class Place:
    """One window of a tenant's."""

    tenant_id: str
    gate: Gate  # of which only says which window it is


class Counts(Protocol):
    """What workers count. Raises StoreUnavailable."""

    async def counted(self, places: Collection[Place]) -> Sequence[Mapping[int, int]]:
        """By bucket, for each place."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """Whose months and windows are compared."""

    quota: Callable[[str], Quota | None]
    rules: Callable[[str], Sequence[Rule]]


class DriftWatch:
    """Goes round all tenants with a quota or a limit of a day; shorter windows are over before it is told."""

    def __init__(self, bounds: Bounds, counts: Counts, clock: Clock, observer: Observer) -> None:
        self._bounds: Final = bounds
        self._counts: Final = counts
        self._clock: Final = clock
        self._observer: Final = observer
        self._waiting: list[str] = []  # tenants that this round has not come to yet
        self._round_ends_ms = 0  # before then the next one need not begin
        self._looks: dict[Place, Look] = {}
        self.differing: dict[Place, int] = {}  # how much more workers count there
        self.compared = 0

    @property
    def tenants(self) -> int:
        """How many differ."""
        return len({place.tenant_id for place in self.differing})

    @property
    def tokens(self) -> int:
        """The most tokens by which one differs."""
        found = (abs(by) for place, by in self.differing.items() if place.gate.what == "tokens")
        return max(found, default=0)

    async def look(self, counted_until_ms: Mapping[int, int], books: Mapping[str, TenantBook]) -> None:
        """Compare the next few. The store may be away: then they are compared in the next round."""
        now_ms = self._now_ms()
        if not self._waiting and now_ms >= self._round_ends_ms:
            self._begin_round(books, now_ms)
        some = [books[name] for name in self._next(now_ms) if name in books]
        asked = [
            found
            for book in some
            if counted_until_ms.get(book.partition, 0) > now_ms - LATE_MS
            for found in self._asked(book, now_ms)
        ]
        with contextlib.suppress(StoreUnavailable):
            counted = await self._counts.counted([place for place, _ in asked])
            for (place, known), found in zip(asked, counted, strict=True):
                self._judge(place, known, found, now_ms)
            self.compared += len({place.tenant_id for place, _ in asked})

    def _begin_round(self, books: Mapping[str, TenantBook], now_ms: int) -> None:
        self._waiting = [name for name in books if self._is_bounded(name)]
        self._round_ends_ms = now_ms + (SETTLING_MS if self._waiting else LOOK_AGAIN_MS)
        bounded_ones = set(self._waiting)
        self._looks = {place: look for place, look in self._looks.items() if place.tenant_id in bounded_ones}
        self.differing = {place: by for place, by in self.differing.items() if place in self._looks}

    def _is_bounded(self, tenant_id: str) -> bool:
        return self._bounds.quota(tenant_id) is not None or any(
            rule.window.per == "day" for rule in self._bounds.rules(tenant_id)
        )

    def _next(self, now_ms: int) -> list[str]:
        """So many that a round is done in the time of settling, where that is not too many at once."""
        left_s = max(1, (self._round_ends_ms - now_ms) // 1000)
        number = min(MOST, max(FEWEST, 10 * len(self._waiting) // left_s))
        some, self._waiting = self._waiting[:number], self._waiting[number:]
        return some

    def _asked(self, book: TenantBook, now_ms: int) -> Iterable[tuple[Place, Mapping[int, int]]]:
        """Each window, with what the books counted in it: read before the workers' figures are asked for."""
        quota = self._bounds.quota(book.tenant_id)
        if quota is not None and book.month is not None:
            account = book.month.present
            number = account.period.month.ordinal
            for what, amount in bounded(account.used, quota).items():
                yield Place(book.tenant_id, Gate(MonthWindow(0, number, 0), 0, what)), {number: amount}
        for rule in self._bounds.rules(book.tenant_id):
            if rule.window.per == "day" and not rule.each_user:
                gate = Gate(Window(UNLIMITED, "day"), 0, rule.what, rule.agent)
                yield Place(book.tenant_id, gate), present(book, (rule.what, "day", rule.agent), now_ms)

    def _judge(self, place: Place, known: Mapping[int, int], found: Mapping[int, int], now_ms: int) -> None:
        look = _look(place.gate, known, found, now_ms)
        self._looks[place], drift = judge(self._looks.get(place), look, place.gate.what)
        if drift is None:
            return
        if drift and drift != self.differing.get(place):
            self._observer.observe(
                DriftSeen(place.tenant_id, place.gate.what, place.gate.window.per, place.gate.agent, drift)
            )
        if drift:
            self.differing[place] = drift
        else:
            self.differing.pop(place, None)

    def _now_ms(self) -> int:
        return int(self._clock.at().timestamp() * 1000)


def _look(gate: Gate, known: Mapping[int, int], found: Mapping[int, int], now_ms: int) -> Look:
    window = gate.window
    if isinstance(window, MonthWindow):
        used, counts = known.get(window.number, 0), found.get(window.number, 0)
        return Look(now_ms, Figure(used, used), Figure(counts, counts), (used, counts))
    # Workers count in the bucket in which it was held for, the books in the one in which it was paid.
    first = window.bucket(now_ms) - window.buckets + EDGE
    return Look(now_ms, _figure(known, first + EDGE), _figure(found, first), (*_last(known), *_last(found)))


def _figure(buckets: Mapping[int, int], first: int) -> Figure:
    return Figure(
        sum(n for bucket, n in buckets.items() if bucket >= first + EDGE),
        sum(n for bucket, n in buckets.items() if bucket >= first),
    )


def _last(buckets: Mapping[int, int]) -> tuple[int, int]:
    return max(((bucket, n) for bucket, n in buckets.items() if n), default=(0, 0))
