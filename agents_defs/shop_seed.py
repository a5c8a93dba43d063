"""What the customers of a made-up shop have bought: derived from a tenant's id, the same in every process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from agents_defs.text_files import shipped

Row = dict[str, Any]

ORDER_NUMBERS = (*range(1, 13), *range(1001, 1049))
"""From the old shop, then from the new one. The higher the newer."""
NEWEST = date(2026, 11, 18)
_CARRIERS = ("DHL", "UPS", "DPD", "GLS")
_PLANS = ("starter", "team", "enterprise")
_REASONS = ("wrong item", "broken on arrival", "not needed any more", "charged twice")


def draw(below: int, *seeds: object) -> int:
    """A number that always is the same for the same seeds."""
    digest = blake2b("\0".join(map(str, seeds)).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % below


def accounts_of(tenant_id: str) -> Iterator[Row]:
    people = shipped("people")
    company = (
        "".join(letter for letter in tenant_id.lower() if letter.isascii() and letter.isalnum()) or "company"
    )
    plan = _PLANS[draw(len(_PLANS), tenant_id, "plan")]
    for index, role in enumerate(("owner", "billing contact", "engineer", "engineer", "reader")):
        first = people["first"][(draw(12, tenant_id, "first") + index * 5) % 12]
        last = people["last"][draw(12, tenant_id, "last", index)]
        seen = NEWEST - timedelta(days=draw(40, tenant_id, "seen", index))
        yield {
            "tenant_id": tenant_id,
            "email": f"{first}.{last}@{company}.example".lower(),
            "name": f"{first} {last}",
            "role": role,
            "plan": plan,
            "status": "locked" if role == "reader" else "active",
            "two_factor": "on" if draw(3, tenant_id, "2fa", index) else "off",
            "last_login_on": seen.isoformat(),
            "place": index,
        }


def orders_of(tenant_id: str, accounts: list[Row]) -> Iterator[Row]:
    products = shipped("products")
    for age, number in enumerate(reversed(ORDER_NUMBERS)):
        product = products[draw(len(products), tenant_id, number, "product")]
        quantity = 1 + draw(4, tenant_id, number, "quantity") * draw(2, tenant_id, number, "many")
        status = _status(age, draw(10, tenant_id, number, "status"))
        yield {
            "tenant_id": tenant_id,
            "order": number,
            "product": product["name"],
            "quantity": quantity,
            "total": str(Decimal(product["price"]) * quantity),
            "currency": "EUR",
            "status": status,
            **_journey(tenant_id, number, age, status),
            "ordered_by": accounts[draw(4, tenant_id, number, "by")]["email"],
        }


def refunds_of(orders: list[Row]) -> Iterator[Row]:
    """For orders that came back or were cancelled: asked for later, and paid where that is long ago."""
    for order in orders:
        if order["status"] not in {"cancelled", "returned"}:
            continue
        tenant_id, number = order["tenant_id"], order["order"]
        asked = min(date.fromisoformat(order["ordered_on"]) + timedelta(days=12), NEWEST)
        stage = ("requested", "approved", "paid")[min((NEWEST - asked).days // 10, 2)]
        yield {
            "tenant_id": tenant_id,
            "order": number,
            "amount": order["total"],
            "currency": order["currency"],
            "status": stage,
            "reason": _REASONS[draw(len(_REASONS), tenant_id, number, "reason")],
            "requested_on": asked.isoformat(),
            "paid_on": (asked + timedelta(days=9)).isoformat() if stage == "paid" else None,
        }


def _journey(tenant_id: str, number: int, age: int, status: str) -> Row:
    """When it was ordered and comes, and who brings it."""
    ordered = NEWEST - timedelta(days=2 + age * 6 + draw(4, tenant_id, number, "day"))
    sent = status in {"shipped", "delivered", "returned"}
    expected = ordered + timedelta(days=3 + draw(5, tenant_id, number, "days"))
    if status in {"processing", "delayed", "shipped"}:  # still to come
        expected = NEWEST + timedelta(days=1 + age + (14 if status == "delayed" else 0))
    carrier = _CARRIERS[draw(4, tenant_id, number, "carrier")]
    tracking = f"{carrier}{draw(10**10, tenant_id, number, 'tracking'):010d}"
    return {
        "ordered_on": ordered.isoformat(),
        "expected_on": expected.isoformat(),
        "delivered_on": expected.isoformat() if status in {"delivered", "returned"} else None,
        "carrier": carrier if sent else None,
        "tracking": tracking if sent else None,
    }


def _status(age: int, chance: int) -> str:
    """The newest orders are still on their way; a few of the older ones came back or never left."""
    if age < 3:
        return ("processing", "processing", "shipped", "delayed")[chance % 4]
    if age < 6:
        return "shipped" if chance < 6 else "delivered"
    return {0: "cancelled", 1: "returned", 2: "returned"}.get(chance, "delivered")
