"""The orders, refunds and accounts of the customers of a made-up shop, in SQLite.

Every tenant has data: it is derived from the tenant's id when the tenant first asks, so it is the same in
every process, and no two tenants share a row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from agents_defs.text_files import shipped

ORDER_NUMBERS = (*range(1, 13), *range(1001, 1049))
"""From the old shop, then from the new one. The higher the newer."""
MAX_TENANTS = 2000
"""Derived data of more tenants is dropped, oldest first: it can be derived again."""
_NEWEST = date(2026, 11, 18)
_CARRIERS = ("DHL", "UPS", "DPD", "GLS")
_PLANS = ("starter", "team", "enterprise")
_REASONS = ("wrong item", "broken on arrival", "not needed any more", "charged twice")
_TABLES = """
CREATE TABLE IF NOT EXISTS tenants (tenant_id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS orders (
  tenant_id TEXT, "order" INTEGER, product TEXT, quantity INTEGER, total TEXT, currency TEXT, status TEXT,
  ordered_on TEXT, expected_on TEXT, delivered_on TEXT, carrier TEXT, tracking TEXT, ordered_by TEXT,
  PRIMARY KEY (tenant_id, "order"));
CREATE TABLE IF NOT EXISTS refunds (
  tenant_id TEXT, "order" INTEGER, amount TEXT, currency TEXT, status TEXT, reason TEXT, requested_on TEXT,
  paid_on TEXT, PRIMARY KEY (tenant_id, "order"));
CREATE TABLE IF NOT EXISTS accounts (
  tenant_id TEXT, email TEXT, name TEXT, role TEXT, plan TEXT, status TEXT, two_factor TEXT,
  last_login_on TEXT, PRIMARY KEY (tenant_id, email));
"""


class Shop:
    """Answers questions of one tenant at a time."""

    def __init__(self, path: str | Path = ":memory:") -> None:
        self._books = sqlite3.connect(path, check_same_thread=False)
        self._books.row_factory = sqlite3.Row
        self._books.executescript(_TABLES)

    def order(self, tenant_id: str, number: int) -> dict[str, Any] | None:
        return self._one('SELECT * FROM orders WHERE tenant_id = ? AND "order" = ?', tenant_id, number)

    def orders(self, tenant_id: str, status: str | None, limit: int) -> list[dict[str, Any]]:
        """The newest orders, of one status or of all."""
        return self._all(
            "SELECT * FROM orders WHERE tenant_id = ? AND (? IS NULL OR status = ?) "
            'ORDER BY ordered_on DESC, "order" DESC LIMIT ?',
            tenant_id,
            status,
            status,
            limit,
        )

    def refund(self, tenant_id: str, order: int) -> dict[str, Any] | None:
        return self._one('SELECT * FROM refunds WHERE tenant_id = ? AND "order" = ?', tenant_id, order)

    def account(self, tenant_id: str, email: str) -> dict[str, Any] | None:
        return self._one("SELECT * FROM accounts WHERE tenant_id = ? AND email = ?", tenant_id, email.lower())

    def account_of_user(self, tenant_id: str, user_id: str | None) -> dict[str, Any]:
        """The account behind the user of a request. Who names no user is the company's owner."""
        accounts = self._all("SELECT * FROM accounts WHERE tenant_id = ? ORDER BY rowid", tenant_id)
        return accounts[0] if user_id is None else accounts[_draw(len(accounts), tenant_id, "user", user_id)]

    def _one(self, query: str, tenant_id: str, *values: Any) -> dict[str, Any] | None:
        return next(iter(self._all(query, tenant_id, *values)), None)

    def _all(self, query: str, tenant_id: str, *values: Any) -> list[dict[str, Any]]:
        """Rows without what is empty, and without the tenant's id: it is nobody's answer."""
        self._derive(tenant_id)
        rows = self._books.execute(query, (tenant_id, *values))
        return [
            {name: row[name] for name in row.keys() if name != "tenant_id" and row[name] is not None}  # noqa: SIM118  a Row iterates over its values
            for row in rows
        ]

    def _derive(self, tenant_id: str) -> None:
        books = self._books
        if books.execute("SELECT 1 FROM tenants WHERE tenant_id = ?", (tenant_id,)).fetchone():
            return
        with books:
            books.execute("INSERT INTO tenants VALUES (?)", (tenant_id,))
            books.executemany(_insert("accounts", 8), accounts := list(_accounts(tenant_id)))
            books.executemany(_insert("orders", 13), orders := list(_orders(tenant_id, accounts)))
            books.executemany(_insert("refunds", 8), _refunds(orders))
            if books.execute("SELECT count(*) FROM tenants").fetchone()[0] > MAX_TENANTS:
                oldest = books.execute("SELECT tenant_id FROM tenants ORDER BY rowid LIMIT 1").fetchone()[0]
                for table in ("tenants", "orders", "refunds", "accounts"):
                    books.execute(f"DELETE FROM {table} WHERE tenant_id = ?", (oldest,))  # noqa: S608  our own names


@cache
def shop() -> Shop:
    """The shop of this process."""
    return Shop()


def _insert(table: str, columns: int) -> str:
    return f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})"  # noqa: S608  our own names


def _draw(below: int, *seeds: object) -> int:
    """A number that always is the same for the same seeds."""
    digest = blake2b("\0".join(map(str, seeds)).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % below


def _accounts(tenant_id: str) -> Iterator[tuple[Any, ...]]:
    people = shipped("people")
    company = (
        "".join(letter for letter in tenant_id.lower() if letter.isascii() and letter.isalnum()) or "company"
    )
    plan = _PLANS[_draw(len(_PLANS), tenant_id, "plan")]
    for index, role in enumerate(("owner", "billing contact", "engineer", "engineer", "reader")):
        first = people["first"][(_draw(12, tenant_id, "first") + index * 5) % 12]
        last = people["last"][_draw(12, tenant_id, "last", index)]
        status = "locked" if role == "reader" else "active"
        two_factor = "on" if _draw(3, tenant_id, "2fa", index) else "off"
        seen = _NEWEST - timedelta(days=_draw(40, tenant_id, "seen", index))
        email = f"{first}.{last}@{company}.example".lower()
        yield tenant_id, email, f"{first} {last}", role, plan, status, two_factor, seen.isoformat()


def _orders(tenant_id: str, accounts: list[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    products = shipped("products")
    for age, number in enumerate(reversed(ORDER_NUMBERS)):
        product = products[_draw(len(products), tenant_id, number, "product")]
        quantity = 1 + _draw(4, tenant_id, number, "quantity") * _draw(2, tenant_id, number, "many")
        ordered = _NEWEST - timedelta(days=2 + age * 6 + _draw(4, tenant_id, number, "day"))
        status = _status(age, _draw(10, tenant_id, number, "status"))
        sent = status in {"shipped", "delivered", "returned"}
        expected = ordered + timedelta(days=3 + _draw(5, tenant_id, number, "days"))
        if status in {"processing", "delayed", "shipped"}:  # still to come
            expected = _NEWEST + timedelta(days=1 + age + (14 if status == "delayed" else 0))
        carrier = _CARRIERS[_draw(4, tenant_id, number, "carrier")]
        yield (
            tenant_id,
            number,
            product["name"],
            quantity,
            str(Decimal(product["price"]) * quantity),
            "EUR",
            status,
            ordered.isoformat(),
            expected.isoformat(),
            expected.isoformat() if status in {"delivered", "returned"} else None,
            carrier if sent else None,
            f"{carrier}{_draw(10**10, tenant_id, number, 'tracking'):010d}" if sent else None,
            accounts[_draw(4, tenant_id, number, "by")][1],
        )


def _status(age: int, chance: int) -> str:
    """The newest orders are still on their way; a few of the older ones came back or never left."""
    if age < 3:
        return ("processing", "processing", "shipped", "delayed")[chance % 4]
    if age < 6:
        return "shipped" if chance < 6 else "delivered"
    return {0: "cancelled", 1: "returned", 2: "returned"}.get(chance, "delivered")


def _refunds(orders: list[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """For orders that came back or were cancelled: asked for later, and paid where that is long ago."""
    for tenant_id, number, _, _, total, currency, status, ordered_on, *_ in orders:
        if status not in {"cancelled", "returned"}:
            continue
        asked = min(date.fromisoformat(ordered_on) + timedelta(days=12), _NEWEST)
        stage = ("requested", "approved", "paid")[min((_NEWEST - asked).days // 10, 2)]
        paid = (asked + timedelta(days=9)).isoformat() if stage == "paid" else None
        reason = _REASONS[_draw(len(_REASONS), tenant_id, number, "reason")]
        yield tenant_id, number, total, currency, stage, reason, asked.isoformat(), paid
