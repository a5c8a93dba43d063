"""Orders of the shop that something can be done about, and what is asked."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from agents_defs.shop import Shop
from agents_defs.shop_errands import RefundWish

DAY = date(2026, 11, 21)
ADDRESS = {
    "recipient": "Mill 3",
    "lines": ["Weir Lane 5", "Hall 2"],
    "postal_code": "4020",
    "city": "Linz",
    "country": "AT",
}


def order_with(shop: Shop, *statuses: str, tenant_id: str = "acme") -> dict[str, Any]:
    """An order of the tenant in one of these states, for which nothing was refunded."""
    return next(
        order
        for order in shop.orders(tenant_id, None, 1000)
        if order["status"] in statuses and shop.refund(tenant_id, order["order"]) is None
    )


def wish(order: int, amount: str = "10.00", **changes: Any) -> RefundWish:
    values = {"currency": "EUR", "reason": "wrong item", "note": None, "on": DAY, **changes}
    return RefundWish(order, Decimal(amount), **values)
