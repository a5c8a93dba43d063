"""What a request demands of its worker, for fair shares: its tenant's weight, its priority, its tokens."""

from collections.abc import Collection, Iterable
from typing import Final

from agents_defs.run_order import ModelCall
from streams.flow import Accepted
from streams.policy.fair_share import Demand
from streams.tenancy import Tenancy

BYTES_PER_TOKEN = 4
FIRST_GUESS = 500  # tokens beside the input's own
MEMORY = 0.05  # of an average: what one run counts for


class Demands:
    """Estimates tokens by what runs of the same agent used; no estimate has to be right, only not far off."""

    def __init__(self, tenants: Tenancy) -> None:
        self._tenants: Final = tenants
        self._beyond_input: dict[str, float] = {}  # by agent

    def of(self, accepted: Accepted) -> Demand:
        """By its tenant's terms as they are now."""
        request = accepted.request
        terms = self._tenants.terms(request.tenant_id)
        priority, weight = terms.priority(request.priority), terms.plan.weight
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
