"""What a request demands of its worker, for fair shares: its tenant's weight, its priority, its tokens."""

from collections.abc import Collection, Iterable
from typing import Final, Protocol

from agents_defs.run_order import ModelCall
from schemas.tenants import TenantPlan
from streams.flow import Accepted
from streams.policy.fair_share import Demand
from streams.policy.precedence import CLASSES

BYTES_PER_TOKEN = 4
FIRST_GUESS = 500  # tokens beside the input's own
MEMORY = 0.05  # of an average: what one run counts for


class Tenants(Protocol):
    """The plans in force."""

    def paused(self, tenant_id: str) -> bool:
        """Whether nothing is run for this one at present."""
        ...

    def plan(self, tenant_id: str) -> TenantPlan | None:
        """None where the tenant has none of its own."""
        ...


class Demands:
    """Estimates tokens by what runs of the same agent used; no estimate has to be right, only not far off."""

    def __init__(self, tenants: Tenants) -> None:
        self._tenants: Final = tenants
        self._beyond_input: dict[str, float] = {}  # by agent

    def of(self, accepted: Accepted) -> Demand:
        """By its tenant's plan as it is now; a tenant without one has the defaults."""
        request = accepted.request
        priority, weight = request.priority, 1.0
        plan = self._tenants.plan(request.tenant_id)
        if plan is not None:
            priority, weight = max(priority, plan.max_priority, key=CLASSES.__getitem__), plan.weight
        beyond = self._beyond_input.get(accepted.spec.name, FIRST_GUESS)
        tokens = max(0, round(_tokens_read(accepted) + beyond))
        return Demand(request.tenant_id, tokens, accepted.record.offset, accepted.received, priority, weight)

    def learn(self, accepted: Accepted, used: int) -> None:
        """A run has ended."""
        agent, beyond = accepted.spec.name, used - _tokens_read(accepted)
        known = self._beyond_input.get(agent, float(FIRST_GUESS))
        self._beyond_input[agent] = known + MEMORY * (beyond - known)


def _tokens_read(accepted: Accepted) -> int:
    return len(accepted.record.value or b"") // BYTES_PER_TOKEN


def tokens_of(calls: Iterable[ModelCall], before: Collection[str]) -> int:
    """What these used, but for those that were paid before."""
    return sum(call.input_tokens + call.output_tokens for call in calls if call.call_id not in before)
