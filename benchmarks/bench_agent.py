"""The agent that every contestant with the Agents SDK runs: a question, some tool calls, an answer."""

from agents import Agent, Model, function_tool

from benchmarks.conversation import AGENT, FOUND
from benchmarks.instant_model import InstantModel, SteppingModel
from benchmarks.terms import Terms


@function_tool
async def look_up(order: str) -> str:
    """Looks up where an order is."""
    return FOUND


def make_model(terms: Terms) -> InstantModel:
    """The shared model, as the terms want it."""
    return SteppingModel(terms.tool_calls) if terms.tool_calls else InstantModel(terms.latency_s)


def make_agent(terms: Terms, model: Model | None = None) -> Agent[None]:
    """The agent; without tools where its model calls none."""
    return Agent(name=AGENT, model=model, tools=[look_up] if terms.tool_calls else [])
