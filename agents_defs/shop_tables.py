"""The tables of the shop: whatever belongs to a tenant has the tenant's id in its key."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, DateTime, Index, Integer, MetaData, String, Table, Text, func

SHOP = MetaData()
TENANT_CHARS = 256


def _tenant() -> Column[str]:
    return Column("tenant_id", String(TENANT_CHARS), primary_key=True)


TENANTS = Table(
    "shop_tenants",
    SHOP,
    Column("place", Integer, primary_key=True, autoincrement=True),
    Column("tenant_id", String(TENANT_CHARS), nullable=False, unique=True),
    Column("changed", Boolean, nullable=False, default=False),  # not what can be derived again
)
ORDERS = Table(
    "shop_orders",
    SHOP,
    _tenant(),
    Column("order", Integer, primary_key=True),
    Column("product", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("total", String(20), nullable=False),  # a decimal as text: SQLite knows none
    Column("currency", String(3), nullable=False),
    Column("status", String(20), nullable=False),
    Column("ordered_on", String(10), nullable=False),
    Column("expected_on", String(10), nullable=False),
    Column("delivered_on", String(10)),
    Column("carrier", String(20)),
    Column("tracking", String(40)),
    Column("ordered_by", Text, nullable=False),
    Column("deliver_to", JSON(none_as_null=True)),
    Column("not_before", String(10)),
    Index("shop_orders_by_date", "tenant_id", "ordered_on"),
)
REFUNDS = Table(
    "shop_refunds",
    SHOP,
    _tenant(),
    Column("order", Integer, primary_key=True),
    Column("amount", String(20), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("status", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_on", String(10), nullable=False),
    Column("paid_on", String(10)),
    Column("note", Text),
)
ACCOUNTS = Table(
    "shop_accounts",
    SHOP,
    _tenant(),
    Column("email", String(320), primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", String(40), nullable=False),
    Column("plan", String(40), nullable=False),
    Column("status", String(20), nullable=False),
    Column("two_factor", String(10), nullable=False),
    Column("last_login_on", String(10), nullable=False),
    Column("place", Integer, nullable=False),
)
EFFECTS = Table(
    "shop_effects",
    SHOP,
    _tenant(),
    Column("key", String(64), primary_key=True),  # of the tool call: it is made once
    Column("asked", String(64), nullable=False),  # digest of the tool and its arguments
    Column("result", JSON(none_as_null=True)),
    Column("done_at", DateTime(timezone=True), server_default=func.now()),
)
OF_A_TENANT = (ORDERS, REFUNDS, ACCOUNTS, EFFECTS, TENANTS)
UNTOLD = frozenset({"tenant_id", "place", "changed"})
"""Columns that are nobody's answer."""
