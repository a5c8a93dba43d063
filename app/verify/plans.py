"""What each tenant may do, as its plan, its tier and the deployment say: what limits are judged by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from app.verify.records import Terms
from schemas.tenants import Limit, Measure, Period, Quota, TenantPlan

FIRST_TIER = "free"  # of a tenant without a plan
HOT_AFTER_MS = 10_000  # how long a new plan may take to reach every worker


@dataclass(frozen=True, slots=True)
class Plan:
    """A tenant's limits and its quota, and since when."""

    limits: tuple[Limit, ...]
    since_ms: int
    quota: Quota | None = None

    @property
    def hot_ms(self) -> int:
        """From when on every worker surely has it."""
        return self.since_ms + HOT_AFTER_MS if self.since_ms else 0


@dataclass(slots=True)
class PlansInForce:
    """The last plan of each tenant, with its tier's defaults behind it."""

    terms: Terms
    _own: dict[str, Plan] = field(default_factory=dict)

    def put(self, tenant_id: str, plan: TenantPlan | None, since_ms: int) -> None:
        """Its plan from now on; None: it has none of its own."""
        tier = _tier(self.terms.tiers, FIRST_TIER if plan is None else plan.tier)
        whole = plan if plan is None or tier is None else plan.within(tier)
        self._own[tenant_id] = self._plan(tier if whole is None else whole, since_ms)

    def of(self, tenant_id: str) -> Plan:
        """What holds for it."""
        found = self._own.get(tenant_id)
        if found is not None:
            return found
        return self._plan(_tier(self.terms.tiers, FIRST_TIER), 0)

    def _plan(self, plan: TenantPlan | None, since_ms: int) -> Plan:
        return Plan(self._limits(plan), since_ms, None if plan is None else plan.quota)

    def _limits(self, plan: TenantPlan | None) -> tuple[Limit, ...]:
        if plan is not None and "limits" in plan.model_fields_set:
            return plan.limits
        most = self.terms.requests_per_minute
        return (Limit(what=Measure.REQUESTS, per=Period.MINUTE, limit=most),)


def _tier(tiers: Mapping[str, Any], name: str) -> TenantPlan | None:
    fields = tiers.get(name)
    return None if fields is None else TenantPlan.model_validate({"tenant_id": "-", "tier": name, **fields})


def most_runs(quota: Quota) -> int | None:
    """How many may run in a month, with the overdraft; None: any number."""
    if quota.runs is None:
        return None
    return int(quota.runs * (1 + Decimal(str(quota.overdraft))))
