"""Keeps the months of tenants with a quota in their books; tells people, and workers, what is used of them.

Workers count before a run, in Redis; the books count what is on the topics, and so know what a store that was
emptied has forgotten.
"""

import contextlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from schemas.audit import AuditRecord
from schemas.tenants import Quota
from streams.audits import audit
from streams.book_months import enter_month, is_over
from streams.books import Entry, TenantBook
from streams.flow import Emission
from streams.policy.gates import What
from streams.policy.months import Month
from streams.policy.quota_gates import bounded
from streams.policy.quotas import ALERT_PERCENTS, NO_QUOTA, Alert, Measure
from streams.ports import Clock, StoreUnavailable

SUBJECT: Final = "quota of {what}, {month}: {percent} % used ({used} of {limit})"


class MonthStore(Protocol):
    """Where workers count. Raises StoreUnavailable."""

    async def forgotten(self, partitions: Collection[int]) -> frozenset[int]:
        """Of these the ones of which it does not know that it was told everything."""
        ...

    async def raise_all(self, known: Collection["Known"]) -> None:
        """At least so much counts from now on."""
        ...

    async def told(self, partitions: Collection[int]) -> None:
        """It was told everything of these, unless it was emptied since it was asked."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """What is surely used of a figure of a tenant's month."""

    tenant_id: str
    month: Month
    what: What
    amount: int


class QuotaKeeper:
    """For the bookkeeper, which writes what is changed here with everything else of a book."""

    def __init__(
        self, quota_of: Callable[[str], Quota | None], store: MonthStore, clock: Clock, audits: str
    ) -> None:
        self._quota_of: Final = quota_of
        self._store: Final = store
        self._clock: Final = clock
        self._audits: Final = audits
        self.alerts = {(measure, percent): 0 for measure in Measure for percent in ALERT_PERCENTS}

    def enter(self, book: TenantBook, entry: Entry) -> list[Emission]:
        """Count it in its month; returns whom to tell of what is used up."""
        quota = self._quota_of(book.tenant_id)
        if quota is None and book.month is None:
            return []
        book.month, alerts = enter_month(book.month, quota or NO_QUOTA, entry, self._clock.at())
        for alert in alerts:
            self.alerts[alert.measure, alert.percent] += 1
        return [self._told(book, alert) for alert in alerts]

    def keeps(self, book: TenantBook) -> bool:
        """Whether a book without open windows is needed still; a quota that is gone may come back."""
        return book.month is not None and not is_over(book.month, self._clock.at())

    async def tell(self, partitions: Collection[int], books: Iterable[TenantBook]) -> None:
        """Tell a store that was emptied what is used. It may be away: then it is told next time.

        Only then: what a run has used and published may not be settled there yet, and would count twice.
        """
        with contextlib.suppress(StoreUnavailable):
            forgotten = await self._store.forgotten(partitions)
            if forgotten:
                wanted = (book for book in books if book.partition in forgotten)
                await self._store.raise_all([known for book in wanted for known in self._known(book)])
                await self._store.told(forgotten)

    def _known(self, book: TenantBook) -> Iterable[Known]:
        quota = self._quota_of(book.tenant_id)
        if quota is not None and book.month is not None:
            month = book.month.present.period.month
            for what, amount in bounded(book.month.present.used, quota).items():
                yield Known(book.tenant_id, month, what, amount)

    def _told(self, book: TenantBook, alert: Alert) -> Emission:
        """Its id says all of it: who reads it again, after a crash, knows that it is the same."""
        said = SUBJECT.format(
            what=alert.measure.value,
            month=alert.month,
            percent=alert.percent,
            used=alert.used,
            limit=alert.limit,
        )
        share = f"{alert.measure.value}-{alert.percent}-of-{alert.limit}"
        record = AuditRecord(
            audit_id=f"quota-{book.tenant_id}-{alert.month}-{share}",
            at=self._clock.at(),
            actor="penstock",
            action="quota",
            tenant_id=book.tenant_id,
            subject=said,
            outcome=f"used_{alert.percent}",
        )
        return audit(self._audits, book.partition, book.tenant_id.encode(), record)
