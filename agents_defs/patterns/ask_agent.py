"""The pattern `ask-agent`: a front desk that sends requests to other agents, through the stream."""

from __future__ import annotations

from agents import Agent

from agents_defs.agent_spec import AgentSpec
from agents_defs.run_context import RunContext
from agents_defs.text_files import instructions
from agents_defs.tools.ask_agent import ask_agent

SUPPORT = "Asks who knows orders, deliveries, invoices, refunds, devices and accounts."
RESEARCH = "Asks who knows event streams, backpressure, reliability, AI agents and hydropower."


def build() -> Agent[RunContext]:
    return Agent[RunContext](
        name="front-desk",
        instructions=instructions(__file__),
        tools=[ask_agent("support", description=SUPPORT), ask_agent("research", description=RESEARCH)],
    )


SPEC = AgentSpec(
    name="ask-agent",
    version=1,
    build=build,
    description="A front desk that asks the agents support and research, each by a request of its own.",
    max_turns=6,
)
