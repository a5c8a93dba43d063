"""The agents that the crash matrix loads: one with a tool, which may hand over to another with a tool."""

from typing import Any

from agents import Agent, function_tool

from agents_defs.registry import AgentSpec, Registry


@function_tool
def look_up(order: int) -> str:
    """Where an order is."""
    return f"order {order} is at sea"


@function_tool
def weigh(order: int) -> str:
    """How heavy an order is."""
    return f"order {order} weighs {order % 7} kg"


@function_tool(needs_approval=True)
def ship(order: int) -> str:
    """Send an order off, once somebody has agreed."""
    return f"order {order} is on its way"


def desk() -> Agent[Any]:
    specialist = Agent[Any](
        name="specialist", handoff_description="Knows all.", instructions="Answer.", tools=[weigh]
    )
    return Agent[Any](name="desk", instructions="Answer.", tools=[look_up, ship], handoffs=[specialist])


REGISTRY = Registry([AgentSpec("desk", 1, desk, call_timeout_s=5.0, timeout_s=40.0)])
