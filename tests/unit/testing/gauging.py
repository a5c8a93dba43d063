"""Agents that the kit is tried on: a gauge with tools, and a clerk who is asked."""

from __future__ import annotations

from typing import Any

from agents import Agent, function_tool
from pydantic import BaseModel

from agents_defs.agent_spec import AgentSpec
from agents_defs.tools.ask_agent import ask_agent


class Level(BaseModel):
    metres: float


@function_tool
async def water_level(place: str) -> str:
    """Tells the water level at a place."""
    return f"4.2 m at {place}"


@function_tool(needs_approval=True)
def open_gate(number: int) -> str:
    """Opens a gate, in a thread."""
    return f"gate {number} is open"


def build() -> Agent[Any]:
    tools: list[Any] = [water_level, open_gate, ask_agent("clerk")]
    return Agent(name="gauge", instructions="You tell water levels.", tools=tools)


def build_clerk() -> Agent[Any]:
    return Agent(name="clerk", instructions="You are the clerk.", output_type=Level)


GAUGE = AgentSpec("gauge", 1, build)
CLERK = AgentSpec("clerk", 1, build_clerk, output_type=Level)
