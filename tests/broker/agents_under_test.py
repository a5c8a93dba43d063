"""The agents of the broker tests: small, with tools that work and tools that do not."""

from typing import Any

from agents import Agent, function_tool

from agents_defs.memory.memory_spec import MemorySpec
from agents_defs.registry import AgentSpec, Registry
from agents_defs.tools.facts import recall, remember


@function_tool
def look_up(order: int) -> str:
    """Where an order is."""
    return f"order {order} is at sea"


@function_tool
def breaks() -> str:
    """Raises, which the model is told."""
    raise ValueError("the tool is broken")


@function_tool(failure_error_function=None)
def breaks_the_run() -> str:
    """Raises, which ends the run."""
    raise ValueError("the tool is broken for good")


@function_tool
def write_a_book() -> str:
    """More than a record holds."""
    return "x" * 5_000_000


@function_tool(needs_approval=True)
def refund(order: int) -> str:
    """Give the money back."""
    return f"refunded {order}"


def clerk() -> Agent[Any]:
    return Agent(name="Clerk", instructions="Answer.", tools=[look_up, breaks, breaks_the_run, refund])


def diarist() -> Agent[Any]:
    return Agent(name="Diarist", instructions="Answer.", tools=[remember, recall])


def author() -> Agent[Any]:
    return Agent(
        name="Author", instructions="Write.", tools=[write_a_book], tool_use_behavior="stop_on_first_tool"
    )


# Its sessions stand in a database, which not every deployment has.
DIARIST = AgentSpec("diarist", 1, diarist, memory=MemorySpec(store="sql"))

REGISTRY = Registry(
    [
        AgentSpec("clerk", 1, clerk),
        AgentSpec("hasty", 1, clerk, call_timeout_s=0.5, timeout_s=5.0),
        AgentSpec("author", 1, author),
        AgentSpec("rare", 1, clerk, max_runs=3),
    ]
)
