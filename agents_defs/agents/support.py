"""The agent `support`: a first contact that hands off to billing, technical and account specialists."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from agents import Agent, RunContextWrapper, Tool, handoff
from pydantic import BaseModel, Field

from agents_defs.agent_spec import AgentSpec
from agents_defs.guardrails.guards import usual
from agents_defs.run_context import RunContext
from agents_defs.text_files import instructions
from agents_defs.tools.accounts import lookup_account, reset_password_link
from agents_defs.tools.knowledge import search_knowledge_base
from agents_defs.tools.order_changes import cancel_order, request_refund
from agents_defs.tools.orders import list_orders, lookup_order, refund_status


@dataclass(frozen=True, slots=True)
class Permitted:
    """In what the versions differ."""

    billing: str  # what the specialist is told
    billing_tools: tuple[Tool, ...]


class Errand(BaseModel):
    """What a specialist is told besides the conversation itself."""

    reason: str = Field("", description="What is asked for, and which order or address it is about.")


LOOKS_UP = Permitted(
    billing="billing", billing_tools=(refund_status, lookup_order, list_orders, search_knowledge_base)
)
CHANGES = Permitted(
    billing="billing-2",
    billing_tools=(*LOOKS_UP.billing_tools, request_refund, cancel_order),
)


def build(permitted: Permitted = CHANGES) -> Agent[RunContext]:
    billing = Agent[RunContext](
        name="billing",
        handoff_description="Invoices, payments, charges, refunds, returns, subscription plans and prices.",
        instructions=instructions(__file__, permitted.billing),
        tools=[*permitted.billing_tools],
    )
    technical = Agent[RunContext](
        name="technical",
        handoff_description=(
            "Gateways, sensors, probes, readings, firmware, calibration, installation, errors, the API."
        ),
        instructions=instructions(__file__, "technical"),
        tools=[search_knowledge_base, lookup_order],
    )
    account = Agent[RunContext](
        name="account",
        handoff_description="Logins, passwords, two-factor authentication, members, roles, e-mail addresses.",
        instructions=instructions(__file__, "account"),
        tools=[lookup_account, reset_password_link, search_knowledge_base],
    )
    return Agent[RunContext](
        name="support",
        instructions=instructions(__file__),
        tools=[lookup_order, list_orders, search_knowledge_base],
        handoffs=[
            handoff(agent, on_handoff=_told, input_type=Errand) for agent in (billing, technical, account)
        ],
    )


async def _told(_context: RunContextWrapper[Any], _errand: Errand) -> None:
    """The specialist reads the errand in the conversation; nothing else has to happen."""


def _spec(version: int, permitted: Permitted) -> AgentSpec:
    return AgentSpec(
        name="support",
        version=version,
        build=partial(build, permitted),
        description="Answers customers of a shop for sensors: orders, billing, devices and accounts.",
        max_turns=12,
        guardrails=usual(),
    )


# Runs that began with version 1, which only looks things up, go on with it.
SPECS = [_spec(1, LOOKS_UP), _spec(2, CHANGES)]
