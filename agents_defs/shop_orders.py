"""What a customer may have done about an order: each once for its key, with its effect in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from agents_defs.shop_errands import Errand, RefundWish, Refused
from agents_defs.shop_tables import EFFECTS, ORDERS, REFUNDS, TENANTS

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

    from agents_defs.database import Database

UNSENT = ("processing", "delayed")
REFUNDABLE = ("delivered", "delayed", "returned")


def request_refund(database: Database, errand: Errand, wish: RefundWish) -> dict[str, Any]:
    def change(books: Connection) -> dict[str, Any]:
        order = _order(books, errand.tenant_id, wish.order)
        _check_refund(books, errand.tenant_id, order, wish)
        row = {
            "order": wish.order,
            "amount": f"{wish.amount:.2f}",
            "currency": wish.currency,
            "status": "requested",
            "reason": wish.reason,
            "requested_on": wish.on.isoformat(),
            **({"note": wish.note} if wish.note else {}),
        }
        books.execute(insert(REFUNDS).values(tenant_id=errand.tenant_id, **row))
        return row

    return _once(database, errand, ("refund", _asked(wish)), change)


def cancel_order(database: Database, errand: Errand, number: int, reason: str, on: date) -> dict[str, Any]:
    def change(books: Connection) -> dict[str, Any]:
        order = _order(books, errand.tenant_id, number)
        if order["status"] not in UNSENT:
            raise Refused(
                f"order {number} is {order['status']}: only what has not been sent can be cancelled"
            )
        _set(books, errand.tenant_id, number, status="cancelled")
        if _refund(books, errand.tenant_id, number) is None:
            back = {name: order[name] for name in ("tenant_id", "order", "currency")}
            asked = {"status": "requested", "reason": reason, "requested_on": on.isoformat()}
            books.execute(insert(REFUNDS).values(amount=order["total"], **back, **asked))
        paid_back = f"{order['total']} {order['currency']}"
        return {"order": number, "status": "cancelled", "refund_requested": paid_back}

    return _once(database, errand, ("cancel", number, reason), change)


def change_delivery(
    database: Database, errand: Errand, number: int, address: Mapping[str, Any], not_before: date | None
) -> dict[str, Any]:
    wanted = {"deliver_to": dict(address), "not_before": not_before.isoformat() if not_before else None}

    def change(books: Connection) -> dict[str, Any]:
        order = _order(books, errand.tenant_id, number)
        if order["status"] not in UNSENT:
            raise Refused(f"order {number} is {order['status']}: its address cannot be changed any more")
        _set(books, errand.tenant_id, number, **wanted)
        told = {name: value for name, value in wanted.items() if value is not None}
        return {"order": number, "status": order["status"], "expected_on": order["expected_on"], **told}

    return _once(database, errand, ("deliver", number, wanted), change)


def _once(
    database: Database, errand: Errand, asked: Any, change: Callable[[Connection], dict[str, Any]]
) -> dict[str, Any]:
    """The key, the effect and its result stand together or not at all."""
    digest = sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()
    with database.writing() as books:
        mine = (EFFECTS.c.tenant_id == errand.tenant_id, EFFECTS.c.key == errand.key)
        row = {"tenant_id": errand.tenant_id, "key": errand.key, "asked": digest}
        if not database.insert_new(books, EFFECTS, row):
            done = books.execute(select(EFFECTS.c.asked, EFFECTS.c.result).where(*mine)).one()
            if done.asked != digest:
                raise Refused("this very call was made before, with other arguments")
            return dict(done.result)
        result = change(books)
        books.execute(update(EFFECTS).where(*mine).values(result=result))
        books.execute(update(TENANTS).where(TENANTS.c.tenant_id == errand.tenant_id).values(changed=True))
        return result


def _order(books: Connection, tenant_id: str, number: int) -> RowMapping:
    """The order, held against others until the transaction ends."""
    wanted = select(ORDERS).where(ORDERS.c.tenant_id == tenant_id, ORDERS.c.order == number)
    found = books.execute(wanted.with_for_update()).mappings().first()
    if found is None:
        raise Refused(f"there is no order {number}")
    return found


def _refund(books: Connection, tenant_id: str, number: int) -> RowMapping | None:
    wanted = select(REFUNDS).where(REFUNDS.c.tenant_id == tenant_id, REFUNDS.c.order == number)
    return books.execute(wanted).mappings().first()


def _set(books: Connection, tenant_id: str, number: int, **values: Any) -> None:
    of_it = (ORDERS.c.tenant_id == tenant_id, ORDERS.c.order == number)
    books.execute(update(ORDERS).where(*of_it).values(**values))


def _check_refund(books: Connection, tenant_id: str, order: RowMapping, wish: RefundWish) -> None:
    number, total = order["order"], Decimal(order["total"])
    known = _refund(books, tenant_id, number)
    if known is not None:
        raise Refused(f"the refund of order {number} is {known['status']} already: {known['amount']}")
    if order["status"] not in REFUNDABLE:
        instead = "cancel it instead" if order["status"] in UNSENT else "it can be refunded once it is there"
        raise Refused(f"order {number} is {order['status']}: {instead}")
    if wish.currency != order["currency"]:
        raise Refused(f"order {number} was paid in {order['currency']}")
    if not 0 < wish.amount <= total:
        raise Refused(f"order {number} cost {total} {order['currency']}: no more can be refunded")


def _asked(wish: RefundWish) -> list[Any]:
    """Without the day: it is none of what was asked for."""
    return [wish.order, f"{wish.amount:.2f}", wish.currency, wish.reason, wish.note]
