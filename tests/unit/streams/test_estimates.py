"""What a request is thought to use, before it runs, is what its tenant's plan lets it use."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

from agents_defs.agent_spec import AgentSpec
from agents_defs.run_order import Foreseen, ToolLists
from schemas.requests import AgentRequest
from schemas.tenants import TenantPlan
from streams.estimates import Foresight
from streams.flow import Accepted
from streams.policy.gates import Spending
from streams.policy.terms import Terms
from tests.doubles.flume import NEVER_BUILT
from tests.doubles.requests import body, record

SPEC = AgentSpec("support", 1, NEVER_BUILT)


class Seer:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def foresee(self, *asked: Any) -> Foreseen:
        self.asked.append(asked)
        return Foreseen(7, Decimal("0.5"))


def test_whoever_runs_agents_is_asked_with_all_that_the_plan_says() -> None:
    seer = Seer()
    plan = TenantPlan(tenant_id="acme", tools=("look",), mcp_servers=("notes",), max_output_tokens=9)
    written = body(input="hello")
    request = AgentRequest.model_validate(written)
    accepted = Accepted(record(0, written), request, "", SPEC, 0.0, datetime(2026, 11, 22, tzinfo=UTC))

    spending = Foresight(cast("Any", seer))(accepted, Terms(plan, ()))

    assert seer.asked == [(SPEC, None, len('"hello"'), 9, ToolLists(("look",), ("notes",)))]
    assert spending == Spending(7, 500_000_000, runs=1)
