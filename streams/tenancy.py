"""The terms that each tenant has: its own plan, behind it its tier's, and behind that the deployment's."""

from collections.abc import Mapping
from typing import Final, Protocol

from schemas.requests import OverLimit
from schemas.tenants import TenantPlan
from streams.options import LimitOptions
from streams.policy.gates import Rule
from streams.policy.terms import Terms, rules_of
from streams.policy.windows import Window

TIERS: Final[Mapping[str, TenantPlan]] = {
    "free": TenantPlan(tenant_id="-", tier="free"),
    "pro": TenantPlan(tenant_id="-", tier="pro", weight=4),
    "enterprise": TenantPlan(tenant_id="-", tier="enterprise", weight=16),
}
"""What holds where the deployment says nothing of a tier."""
FIRST_TIER: Final = "free"
"""Of a tenant without a plan."""


class PlansInForce(Protocol):
    """The tenants' own plans."""

    def plan(self, tenant_id: str) -> TenantPlan | None:
        """None where the tenant has none of its own."""
        ...

    def paused(self, tenant_id: str) -> bool:
        """Whether it is paused."""
        ...


class Tenancy:
    """Made ready once for each plan; whoever asks gets those of the plan that is in force now."""

    def __init__(self, options: LimitOptions, plans: PlansInForce) -> None:
        self._plans: Final = plans
        self._default: Final = (Rule("requests", Window(options.requests_per_minute, "minute")),)
        self._tiers: Final = {**TIERS, **options.tiers}
        admits = options.unknown_tenants == "admit"
        self._without: Final = self._made(self._tiers[FIRST_TIER], known=admits)
        self._made_of: dict[str, tuple[TenantPlan, Terms]] = {}

    def terms(self, tenant_id: str) -> Terms:
        """As they are in force now."""
        plan = self._plans.plan(tenant_id)
        if plan is None:
            self._made_of.pop(tenant_id, None)
            return self._without
        known = self._made_of.get(tenant_id)
        if known is not None and known[0] is plan:
            return known[1]
        tier = self._tiers.get(plan.tier)
        terms = self._made(plan if tier is None else plan.within(tier), known=True)
        self._made_of[tenant_id] = (plan, terms)
        return terms

    def paused(self, tenant_id: str) -> bool:
        """Whether nothing of the tenant's may be started."""
        return self._plans.paused(tenant_id)

    def waits(self, tenant_id: str, asked: OverLimit | None) -> bool:
        """Whether a request of it that finds a window full waits for it."""
        return self.terms(tenant_id).waits(asked)

    def _made(self, plan: TenantPlan, *, known: bool) -> Terms:
        # An empty list is a plan's own word: no limits. One that is left out leaves the deployment's.
        rules = rules_of(plan.limits) if "limits" in plan.model_fields_set else self._default
        return Terms(plan, rules, known)
