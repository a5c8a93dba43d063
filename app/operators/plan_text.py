"""Tenants' plans, in words and as JSON. No I/O."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from rich.table import Table

from app.terminal.listing import listing
from schemas.codec import decode_object
from schemas.money import format_usd
from schemas.tenants import Limit, Measure, TenantPlan
from streams.plans import Plans

HEADINGS = ("tenant", "", "tier", "weight", "limits", "also set")
SHOWN_ELSEWHERE = frozenset({"tenant_id", "tier", "paused", "weight", "limits"})


def table(plans: Iterable[TenantPlan]) -> Table:
    """One row for each."""
    return listing(
        HEADINGS,
        (
            (
                plan.tenant_id,
                "paused" if plan.paused else "",
                plan.tier,
                f"{plan.weight:g}",
                ", ".join(map(limit_text, plan.limits)) or "-",
                ", ".join(sorted(plan.model_fields_set - SHOWN_ELSEWHERE)) or "-",
            )
            for plan in plans
        ),
    )


def limit_text(limit: Limit) -> str:
    """600 requests/minute, 5 USD/day of support for each user."""
    amount = (
        f"{format_usd(limit.limit)} USD"  # type: ignore[arg-type]  # of this measure it is a Decimal
        if limit.what is Measure.COST_USD
        else f"{limit.limit} {limit.what}"
    )
    agent = f" of {limit.agent}" if limit.agent else ""
    return f"{amount}/{limit.per}{agent}{' for each user' if limit.each_user else ''}"


def document(plans: Plans, tenant_id: str) -> dict[str, Any]:
    """The plan as it stands on the topic, with what this build does not know."""
    value = plans.value(tenant_id)
    return {
        "tenant_id": tenant_id,
        "paused": plans.paused(tenant_id),
        "plan": None if value is None else decode_object(value),
        "sha256": None if value is None else sha256(value).hexdigest(),
    }
