"""Tenants' plans as workers go by them: with their tiers' defaults behind them."""

from collections.abc import Collection
from typing import Final

from schemas.tenants import TenantPlan
from streams.options import LimitOptions
from streams.plans import Plans
from streams.tenancy import Tenancy


class TermsInForce:
    """Read once, from the tenants topic and from the deployment's tiers."""

    def __init__(self, limits: LimitOptions, plans: Plans) -> None:
        self._plans: Final = plans
        self._tenancy: Final = Tenancy(limits, plans)

    @property
    def tenants(self) -> Collection[str]:
        """Those that have a plan of their own."""
        return self._plans.tenants

    def plan(self, tenant_id: str) -> TenantPlan:
        """Also of a tenant without one of its own."""
        return self._tenancy.terms(tenant_id).plan
