"""What is asked of the shop to be done, as values, and how it says no."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


class Refused(Exception):
    """What the shop does not do; the message says why, to whoever asked for it. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One thing to be done, once: for whom, and the key by which it is known again."""

    tenant_id: str
    key: str


@dataclass(frozen=True, slots=True)
class RefundWish:
    order: int
    amount: Decimal
    currency: str
    reason: str
    note: str | None
    on: date
