"""The pattern `agents-as-tools`: one agent keeps the conversation and asks specialists as it asks tools."""

from __future__ import annotations

from agents import Agent

from agents_defs.agent_spec import AgentSpec
from agents_defs.run_context import RunContext
from agents_defs.text_files import instructions
from agents_defs.tools.knowledge import search_documents, search_knowledge_base
from agents_defs.tools.orders import list_orders, lookup_order, refund_status

ASKED_AT_MOST = 4
"""Model calls of a specialist each time it is asked."""


def build() -> Agent[RunContext]:
    orders = Agent[RunContext](
        name="orders",
        instructions=instructions(__file__, "orders"),
        tools=[lookup_order, list_orders, refund_status],
    )
    devices = Agent[RunContext](
        name="devices", instructions=instructions(__file__, "devices"), tools=[search_knowledge_base]
    )
    science = Agent[RunContext](
        name="science", instructions=instructions(__file__, "science"), tools=[search_documents]
    )
    return Agent[RunContext](
        name="concierge",
        instructions=instructions(__file__),
        tools=[
            orders.as_tool(
                "ask_orders", "Asks who knows orders, deliveries and refunds.", max_turns=ASKED_AT_MOST
            ),
            devices.as_tool(
                "ask_devices", "Asks who knows gateways, sensors, probes, firmware.", max_turns=ASKED_AT_MOST
            ),
            science.as_tool(
                "ask_science", "Asks who knows event streams and hydropower.", max_turns=ASKED_AT_MOST
            ),
        ],
    )


SPEC = AgentSpec(
    name="agents-as-tools",
    version=1,
    build=build,
    description="A concierge that asks specialists for orders, devices and science.",
    max_turns=6,
)
