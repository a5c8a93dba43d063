"""Keeps what counts in tenants' windows in their books; fills the gap in a store that was emptied.

Such a store takes what it does not know of a window for full. It is told when everything is counted that was
written before the gap was seen: who is told less would let a tenant use its limit twice.
"""

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from streams.book_spans import UNLIMITED, enter_spans, is_over, present
from streams.books import Entry, TenantBook
from streams.policy.gates import Rule, What
from streams.policy.windows import Window
from streams.ports import Clock, StoreUnavailable

TENANTS_AT_ONCE: Final = 256  # whose windows are worked out in one go


@dataclass(frozen=True, slots=True)
class KnownWindow:
    """What surely counts in a window of a tenant's, by bucket."""

    tenant_id: str
    what: What
    window: Window
    agent: str
    each_user: bool  # it is what all users used together
    buckets: Mapping[int, int]


class WindowStore(Protocol):
    """Where workers count. Raises StoreUnavailable."""

    async def gaps(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Of these the ones whose windows lack what was before; since when all is counted there, in ms."""
        ...

    async def refill(self, partition: int, since_ms: int, known: Collection[KnownWindow]) -> None:
        """At least so much counts in these windows, as long as the gap is the same."""
        ...

    async def told(self, partition: int, since_ms: int) -> None:
        """They lack nothing any more, unless it was emptied again."""
        ...


class WindowKeeper:
    """For the bookkeeper, which writes what is changed here with everything else of a book."""

    def __init__(self, rules: Callable[[str], Sequence[Rule]], store: WindowStore, clock: Clock) -> None:
        self._rules: Final = rules  # of a tenant, as they are in force now
        self._store: Final = store
        self._clock: Final = clock
        self._seen_ms: dict[tuple[int, int], int] = {}  # when a gap was first seen, by our clock
        self.filled = 0

    @property
    def gaps(self) -> int:
        """How many there are that were not filled when it was looked last."""
        return len(self._seen_ms)

    def enter(self, book: TenantBook, entry: Entry) -> None:
        """Count it in the windows of its tenant's limits."""
        enter_spans(book, self._rules(book.tenant_id), entry, self._now_ms())

    def keeps(self, book: TenantBook) -> bool:
        """Whether something of it is in a window still."""
        return not is_over(book, self._now_ms())

    async def tell(self, counted_until_ms: Mapping[int, int], books: Collection[TenantBook]) -> None:
        """Fill the gaps of these partitions, of which everything is counted that was written until then.

        The store may be away: then it is told next time.
        """
        with contextlib.suppress(StoreUnavailable):
            gaps = await self._store.gaps(counted_until_ms.keys())
            now_ms = self._now_ms()
            self._seen_ms = {gap: self._seen_ms.get(gap, now_ms) for gap in gaps.items()}
            for partition, since_ms in gaps.items():
                if counted_until_ms[partition] > self._seen_ms[partition, since_ms]:
                    mine = [book for book in books if book.partition == partition]
                    await self._fill(partition, since_ms, mine)

    async def _fill(self, partition: int, since_ms: int, books: Sequence[TenantBook]) -> None:
        for start in range(0, len(books), TENANTS_AT_ONCE):
            some = books[start : start + TENANTS_AT_ONCE]
            known = [window for book in some for window in self._known(book)]
            await self._store.refill(partition, since_ms, known)
        await self._store.told(partition, since_ms)
        self._seen_ms.pop((partition, since_ms), None)
        self.filled += 1

    def _known(self, book: TenantBook) -> Iterable[KnownWindow]:
        now_ms = self._now_ms()
        for rule in self._rules(book.tenant_id):
            if rule.window.per == "second":
                continue
            buckets = present(book, (rule.what, rule.window.per, rule.agent), now_ms)
            if buckets:
                window = Window(UNLIMITED, rule.window.per)
                yield KnownWindow(book.tenant_id, rule.what, window, rule.agent, rule.each_user, buckets)

    def _now_ms(self) -> int:
        return int(self._clock.at().timestamp() * 1000)
