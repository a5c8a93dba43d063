"""What a request demands of its worker, for fair shares: its tenant's weight, its priority, its tokens."""

from collections.abc import Collection, Iterable
from typing import Protocol

from agents_defs.run_order import ModelCall
from schemas.tenants import TenantPlan
from streams.flow import Accepted
from streams.policy.fair_share import CLASSES, Demand


class Tenants(Protocol):
    """The plans in force."""

    def paused(self, tenant_id: str) -> bool:
        """Whether nothing is run for this one at present."""
        ...

    def plan(self, tenant_id: str) -> TenantPlan | None:
        """None where the tenant has none of its own."""
        ...


BYTES_PER_TOKEN = 4
ANSWER_TOKENS = 500  # until its run has ended nobody knows: then what it used takes the place of this


def demand_of(accepted: Accepted, plan: TenantPlan | None) -> Demand:
    """By its plan as it is now; a tenant without one has the defaults."""
    request = accepted.request
    priority, weight = request.priority, 1.0
    if plan is not None:
        priority, weight = max(priority, plan.max_priority, key=CLASSES.__getitem__), plan.weight
    tokens = len(accepted.record.value or b"") // BYTES_PER_TOKEN + ANSWER_TOKENS
    return Demand(request.tenant_id, tokens, accepted.received, priority, weight)


def tokens_of(calls: Iterable[ModelCall], before: Collection[str]) -> int:
    """What these used, but for those that were paid before."""
    return sum(call.input_tokens + call.output_tokens for call in calls if call.call_id not in before)
