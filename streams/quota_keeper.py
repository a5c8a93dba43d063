"""Keeps the months of tenants with a quota in their books; tells people, and workers, what is used of them.

Workers count before a run, in Redis; the books count what is on the topics, and so know what a store that was
emptied has forgotten, and what was used before a quota was in force in it. They only ever raise its figures.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from schemas.audit import AuditRecord
from schemas.tenants import Quota
from streams.audits import audit
from streams.book_months import enter_month, is_over, known_of
from streams.books import Entry, TenantBook
from streams.flow import Emission
from streams.policy.gates import What
from streams.policy.months import Month
from streams.policy.quotas import Alert
from streams.ports import Clock, StoreUnavailable

SUBJECT: Final = "quota of {what}, {month}: {percent} % used ({used} of {limit})"


class MonthStore(Protocol):
    """Where workers count. Raises StoreUnavailable."""

    async def raise_all(self, known: Collection["Known"]) -> None:
        """At least so much counts from now on."""
        ...

    async def is_new(self) -> bool:
        """Whether it was emptied since this was asked first."""
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
        self._changed: set[str] = set()
        self.alerts = 0

    def enter(self, book: TenantBook, entry: Entry) -> list[Emission]:
        """Count it in its month; returns whom to tell of what is used up."""
        quota = self._quota_of(book.tenant_id)
        if quota is None:
            book.month = None
            return []
        book.month, alerts = enter_month(book.month, quota, entry, self._clock.at())
        self._changed.add(book.tenant_id)
        self.alerts += len(alerts)
        return [self._told(book, alert) for alert in alerts]

    def keeps(self, book: TenantBook) -> bool:
        """Whether a book without open windows is needed still."""
        if book.month is None or self._quota_of(book.tenant_id) is None:
            return False
        return not is_over(book.month, self._clock.at())

    async def tell(self, books: Iterable[TenantBook]) -> None:
        """Tell the store what has changed; all of it, where it was emptied. It may be away: then later."""
        try:
            anew = await self._store.is_new()
            changed, self._changed = self._changed, set()
            wanted = [one for one in books if one.month is not None and (anew or one.tenant_id in changed)]
        except StoreUnavailable:
            return
        try:
            await self._store.raise_all([known for book in wanted for known in self._known(book)])
        except StoreUnavailable:
            self._changed |= {book.tenant_id for book in wanted}

    def gained(self, books: Iterable[TenantBook]) -> None:
        """These are kept here from now on; of others' nothing is told any more."""
        self._changed = {book.tenant_id for book in books if book.month is not None}

    def _known(self, book: TenantBook) -> Iterable[Known]:
        quota = self._quota_of(book.tenant_id)
        if quota is not None and book.month is not None:
            month = book.month.present.period.month
            for what, amount in known_of(book.month, quota).items():
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
        record = AuditRecord(
            audit_id=f"quota-{book.tenant_id}-{alert.month}-{alert.measure.value}-{alert.percent}",
            at=self._clock.at(),
            actor="penstock",
            action="quota",
            tenant_id=book.tenant_id,
            subject=said,
            outcome=f"used_{alert.percent}",
        )
        return audit(self._audits, book.partition, book.tenant_id.encode(), record)
