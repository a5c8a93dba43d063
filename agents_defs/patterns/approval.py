"""The pattern `approval`: a person decides before the tool that cannot be taken back is called."""

from __future__ import annotations

import json
from typing import Annotated

from agents import Agent, RunContextWrapper, function_tool
from pydantic import Field

from agents_defs.agent_spec import AgentSpec
from agents_defs.run_context import RunContext
from agents_defs.text_files import instructions
from agents_defs.tool_effects import idempotency_key, idempotent
from agents_defs.tools.orders import lookup_order

Order = Annotated[int, Field(description="The number of the order.", ge=1)]
Cents = Annotated[int, Field(description="The amount in cents.", ge=1, le=100_000_00)]


@idempotent  # the bank knows the key: a second call with it pays nothing
@function_tool(needs_approval=True)
async def pay_back(context: RunContextWrapper[RunContext], order: Order, cents: Cents) -> str:
    """Pays money of an order back to the customer. It cannot be taken back."""
    # Here a bank would be asked, with the key. This example only says what it would say.
    return json.dumps({"paid_back": order, "cents": cents, "receipt": idempotency_key(context)[:12]})


def build() -> Agent[RunContext]:
    return Agent[RunContext](
        name="cashier", instructions=instructions(__file__), tools=[lookup_order, pay_back]
    )


SPEC = AgentSpec(
    name="approval",
    version=1,
    build=build,
    description="Pays money back, once a person has approved it.",
    max_turns=6,
    approval_valid_s=3 * 86_400.0,
)
