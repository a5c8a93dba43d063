"""The pattern `handoffs`: a triage agent hands off, with a typed ticket, to the specialist who answers."""

from __future__ import annotations

from typing import Any, Literal

from agents import Agent, RunContextWrapper, handoff
from agents.extensions.handoff_filters import remove_all_tools
from pydantic import BaseModel, Field

from agents_defs.agent_spec import AgentSpec
from agents_defs.agents import support
from agents_defs.run_context import RunContext
from agents_defs.text_files import instructions
from agents_defs.tools.accounts import lookup_account, reset_password_link
from agents_defs.tools.knowledge import search_knowledge_base
from agents_defs.tools.orders import list_orders, lookup_order, refund_status


class Ticket(BaseModel):
    """What triage writes down for the specialist. It stands in the conversation, and is checked."""

    reason: str = Field("", description="What is asked for.")
    order: int | None = Field(None, description="The number of the order it is about, if there is one.")
    urgency: Literal["normal", "urgent"] = "normal"


def told(context: RunContextWrapper[RunContext], _agent: Agent[RunContext]) -> str:
    """Instructions that know who asks. They run again in each attempt, so they only read the request."""
    customer = context.context
    return f"{instructions(__file__)}\n\nThe customer is {customer.tenant_id}, plan {plan_of(customer)}."


def plan_of(customer: RunContext) -> str:
    return customer.metadata.get("plan", "standard")


def has_engineers(context: RunContextWrapper[RunContext], _agent: Any) -> bool:
    """Only plans with engineers are handed to them; for others the hand-off is not even offered."""
    return plan_of(context.context) == "business"


async def noted(_context: RunContextWrapper[RunContext], _ticket: Ticket) -> None:
    """The specialist reads the ticket in the conversation; nothing else has to happen."""


def specialist(name: str, about: str, tools: list[Any], part: str = "") -> Agent[RunContext]:
    return Agent[RunContext](
        name=name,
        handoff_description=about,
        instructions=instructions(support.__file__, part or name),
        tools=tools,
    )


def build() -> Agent[RunContext]:
    billing = specialist(
        "billing",
        "Invoices, payments, charges, refunds, returns, subscription plans and prices.",
        [refund_status, lookup_order, list_orders, search_knowledge_base],
    )
    technical = specialist(
        "technical",
        "Gateways, sensors, probes, readings, firmware, calibration, installation, errors.",
        [search_knowledge_base, lookup_order],
    )
    account = specialist(
        "account",
        "Logins, passwords, two-factor authentication, members, roles, e-mail addresses.",
        [lookup_account, reset_password_link, search_knowledge_base],
    )
    engineer = specialist(
        "engineer",
        "Outages of a whole site, where production stands still.",
        [search_knowledge_base, lookup_order],
        part="technical",
    )
    return Agent[RunContext](
        name="triage",
        instructions=told,
        tools=[lookup_order],
        handoffs=[
            handoff(billing, on_handoff=noted, input_type=Ticket),
            handoff(technical, on_handoff=noted, input_type=Ticket),
            # Who deals with passwords need not see what tools said of orders.
            handoff(account, on_handoff=noted, input_type=Ticket, input_filter=remove_all_tools),
            handoff(engineer, on_handoff=noted, input_type=Ticket, is_enabled=has_engineers),
        ],
    )


SPEC = AgentSpec(
    name="handoffs",
    version=1,
    build=build,
    description="Customer service: triage hands off to billing, technical, account or an engineer.",
    max_turns=10,
)
