"""What is kept in books beside their windows: months, spans of limits; and who is told of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from streams.books import Entry, TenantBook
from streams.drift_watch import DriftWatch
from streams.flow import Emission
from streams.quota_keeper import QuotaKeeper
from streams.window_keeper import WindowKeeper


@dataclass(frozen=True, slots=True)
class Keepers:
    """For the bookkeeper; each may be left out."""

    quotas: QuotaKeeper | None = None
    windows: WindowKeeper | None = None
    drift: DriftWatch | None = None

    def enter(self, book: TenantBook, entry: Entry) -> list[Emission]:
        """Count an entry; returns what people are to be told."""
        if self.windows is not None:
            self.windows.enter(book, entry)
        return [] if self.quotas is None else self.quotas.enter(book, entry)

    def keeps(self, book: TenantBook) -> bool:
        """Whether it is needed although it has no open windows."""
        keepers = (self.quotas, self.windows)
        return any(keeper is not None and keeper.keeps(book) for keeper in keepers)

    async def tell(self, counted_until_ms: Mapping[int, int], books: Mapping[str, TenantBook]) -> None:
        """Tell a store that was emptied: first of windows, for there requests wait for it. Then compare."""
        if self.windows is not None:
            await self.windows.tell(counted_until_ms, list(books.values()))
        if self.quotas is not None:
            await self.quotas.tell(counted_until_ms.keys(), list(books.values()))
        if self.drift is not None:
            await self.drift.look(counted_until_ms, books)


NO_KEEPERS = Keepers()
