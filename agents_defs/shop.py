"""The orders, refunds and accounts of the customers of a made-up shop: one tenant's at a time.

Every tenant has data: it is derived from the tenant's id when the tenant first asks, so it is the same
everywhere, and no two tenants share a row. From then on it is the database's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, delete, func, select

from agents_defs import shop_orders
from agents_defs.database import IN_MEMORY, Database
from agents_defs.shop_errands import Errand, RefundWish
from agents_defs.shop_seed import accounts_of, draw, orders_of, refunds_of
from agents_defs.shop_tables import ACCOUNTS, OF_A_TENANT, ORDERS, REFUNDS, SHOP, TENANTS, UNTOLD

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping, Select, Table

MAX_TENANTS = 2000
"""In memory, derived data of more tenants is dropped, oldest first: it can be derived again."""


class Shop:
    """Answers questions of one tenant at a time, in the thread of whoever asks."""

    def __init__(self, database: Database | None = None) -> None:
        self.database = database or Database(IN_MEMORY)
        with self.database.preparing() as books:
            SHOP.create_all(books)

    def order(self, tenant_id: str, number: int) -> dict[str, Any] | None:
        return self._one(tenant_id, _of(ORDERS, tenant_id, ORDERS.c.order == number))

    def orders(self, tenant_id: str, status: str | None, limit: int) -> list[dict[str, Any]]:
        """The newest orders, of one status or of all."""
        wanted = _of(ORDERS, tenant_id)
        if status is not None:
            wanted = wanted.where(ORDERS.c.status == status)
        newest = (ORDERS.c.ordered_on.desc(), ORDERS.c.order.desc())
        return self._all(tenant_id, wanted.order_by(*newest).limit(limit))

    def refund(self, tenant_id: str, order: int) -> dict[str, Any] | None:
        return self._one(tenant_id, _of(REFUNDS, tenant_id, REFUNDS.c.order == order))

    def account(self, tenant_id: str, email: str) -> dict[str, Any] | None:
        return self._one(tenant_id, _of(ACCOUNTS, tenant_id, ACCOUNTS.c.email == email.lower()))

    def account_of_user(self, tenant_id: str, user_id: str | None) -> dict[str, Any]:
        """The account behind the user of a request. Who names no user is the company's owner."""
        accounts = self._all(tenant_id, _of(ACCOUNTS, tenant_id).order_by(ACCOUNTS.c.place))
        return accounts[0] if user_id is None else accounts[draw(len(accounts), tenant_id, "user", user_id)]

    def request_refund(self, errand: Errand, wish: RefundWish) -> dict[str, Any]:
        """Asks for money back. Raises Refused."""
        self.derive(errand.tenant_id)
        return shop_orders.request_refund(self.database, errand, wish)

    def cancel_order(self, errand: Errand, number: int, reason: str, on: date) -> dict[str, Any]:
        """Cancels what has not left yet; what was paid comes back. Raises Refused."""
        self.derive(errand.tenant_id)
        return shop_orders.cancel_order(self.database, errand, number, reason, on)

    def change_delivery(
        self, errand: Errand, number: int, address: Mapping[str, Any], not_before: date | None
    ) -> dict[str, Any]:
        """Sends an order elsewhere, or later. Raises Refused."""
        self.derive(errand.tenant_id)
        return shop_orders.change_delivery(self.database, errand, number, address, not_before)

    def derive(self, tenant_id: str) -> None:
        """See that the tenant has data."""
        with self.database.reading() as books:
            if _known(books, tenant_id):
                return
        with self.database.writing() as books:
            # Another worker may have done it since: whoever inserts the tenant derives its rows.
            if not self.database.insert_new(books, TENANTS, {"tenant_id": tenant_id, "changed": False}):
                return
            accounts = list(accounts_of(tenant_id))
            orders = list(orders_of(tenant_id, accounts))
            books.execute(ACCOUNTS.insert(), accounts)
            books.execute(ORDERS.insert(), orders)
            if refunds := list(refunds_of(orders)):
                books.execute(REFUNDS.insert(), refunds)
            if self.database.in_memory:
                _drop_oldest(books)

    def _one(self, tenant_id: str, query: Select[Any]) -> dict[str, Any] | None:
        return next(iter(self._all(tenant_id, query)), None)

    def _all(self, tenant_id: str, query: Select[Any]) -> list[dict[str, Any]]:
        with self.database.reading() as books:
            rows = books.execute(query).mappings().all()
            if rows or _known(books, tenant_id):
                return [told(row) for row in rows]
        self.derive(tenant_id)
        with self.database.reading() as books:
            return [told(row) for row in books.execute(query).mappings()]


def told(row: RowMapping) -> dict[str, Any]:
    """A row without what is empty, and without the tenant's id: it is nobody's answer."""
    return {name: value for name, value in row.items() if name not in UNTOLD and value is not None}


def _of(table: Table, tenant_id: str, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Every query of the shop begins here: with whose rows they are."""
    return select(table).where(table.c.tenant_id == tenant_id, *conditions)


def _known(books: Connection, tenant_id: str) -> bool:
    return books.execute(select(TENANTS.c.place).where(TENANTS.c.tenant_id == tenant_id)).first() is not None


def _drop_oldest(books: Connection) -> None:
    """Never of who changed something: that cannot be derived again."""
    if books.execute(select(func.count()).select_from(TENANTS)).scalar_one() <= MAX_TENANTS:
        return
    unchanged = select(TENANTS.c.tenant_id).where(~TENANTS.c.changed).order_by(TENANTS.c.place).limit(1)
    oldest = books.execute(unchanged).scalar()
    if oldest is not None:
        for table in OF_A_TENANT:
            books.execute(delete(table).where(table.c.tenant_id == oldest))
