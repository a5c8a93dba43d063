"""The pattern `single-agent`: one agent with a tool, which answers by a type."""

from __future__ import annotations

from typing import Literal

from agents import Agent
from pydantic import BaseModel, Field

from agents_defs.agent_spec import AgentSpec
from agents_defs.run_context import RunContext
from agents_defs.text_files import instructions
from agents_defs.tools.orders import lookup_order

Status = Literal["processing", "delayed", "shipped", "delivered", "cancelled", "returned", "unknown"]


class OrderReport(BaseModel):
    """What a program can go on with, and what the customer reads."""

    order: int = Field(description="The number of the order.")
    status: Status = "unknown"
    answer: str = Field(description="What the customer is told, in one or two sentences.")


def build() -> Agent[RunContext]:
    return Agent[RunContext](
        name="clerk", instructions=instructions(__file__), tools=[lookup_order], output_type=OrderReport
    )


SPEC = AgentSpec(
    name="single-agent",
    version=1,
    build=build,
    description="Says where an order is, as JSON.",
    output_type=OrderReport,
    max_turns=4,
)
