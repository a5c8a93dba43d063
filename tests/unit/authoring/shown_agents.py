"""Agents that the tests of authoring show, draw and try."""

from __future__ import annotations

from typing import Any

from agents import Agent, GuardrailFunctionOutput, function_tool, input_guardrail
from pydantic import BaseModel

from agents_defs.registry import AgentSpec
from agents_defs.tool_effects import at_most_once


class Level(BaseModel):
    metres: float


@at_most_once
@function_tool(needs_approval=True)
async def open_gate(number: int) -> str:
    """Opens a gate."""
    return f"gate {number} is open"


@function_tool
async def level(place: str) -> str:
    """Tells the level."""
    return f"4.2 m at {place}"


@input_guardrail
async def polite(_context: Any, _agent: Any, _asked: Any) -> GuardrailFunctionOutput:
    """Lets all pass."""
    return GuardrailFunctionOutput(output_info=None, tripwire_triggered=False)


def build() -> Agent[Any]:
    writer = Agent[Any](name="writer", instructions="Write.", output_type=Level)
    judge = Agent[Any](name="judge", instructions=lambda _context, _agent: "Judge.", model="gpt-judge")
    gauge = Agent[Any](
        name="gauge",
        instructions="Tell levels.",
        tools=[level, open_gate, judge.as_tool("ask_judge", "Asks.")],
        handoffs=[writer],
        input_guardrails=[polite],
    )
    writer.handoffs = [gauge]
    return gauge


SPEC = AgentSpec(name="gauge", version=2, build=build, description="Tells levels.", output_type=Level)
