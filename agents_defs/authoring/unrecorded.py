"""The functions of a graph of agents that a run calls again after a crash, because nothing records them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from agents import Agent, FunctionTool, Handoff


@dataclass(frozen=True, slots=True)
class Part:
    """A function of an agent, and what it is there for."""

    call: Any
    role: str
    recorded: bool = False  # its result is; what it does to come to it is nobody's business
    whole: bool = True  # also functions that are made in it; else those are parts for themselves, or recorded


def parts_of(build: Callable[..., Any], agents: list[Agent[Any]]) -> Iterator[Part]:
    """All of an entry's functions. In the order of `docs/durable-runs.md`, *What is recorded*."""
    yield Part(build, "build()", whole=False)
    for agent in agents:
        yield from _of_agent(agent)
        for tool in agent.tools:
            if isinstance(tool, FunctionTool):
                yield from _of_tool(tool)
        for onward in agent.handoffs:
            if isinstance(onward, Handoff):
                yield from _of_handoff(onward)


def _of_agent(agent: Agent[Any]) -> Iterator[Part]:
    of = f"of the agent {agent.name!r}"
    yield from _called(agent.instructions, f"the instructions {of}")
    yield from _called(agent.prompt, f"the prompt {of}")
    yield from _called(agent.tool_use_behavior, f"tool_use_behavior {of}")
    steps = getattr(agent, "steps", None)
    if callable(steps):  # of a flow; what it does in `once` is recorded
        yield Part(steps, f"the steps of the flow {agent.name!r}", whole=False)
    guardrails: list[Any] = [*agent.input_guardrails, *agent.output_guardrails]
    for guardrail in guardrails:
        role = f"the guardrail {guardrail.get_name()!r}"
        yield from _called(guardrail.guardrail_function, role, recorded=True)


def _of_tool(tool: FunctionTool) -> Iterator[Part]:
    of = f"of the tool {tool.name!r}"
    yield from _called(tool.on_invoke_tool, f"the tool {tool.name!r}", recorded=True)
    yield from _called(tool.is_enabled, f"is_enabled {of}")
    yield from _called(tool.needs_approval, f"needs_approval {of}")
    for guardrail in (*(tool.tool_input_guardrails or ()), *(tool.tool_output_guardrails or ())):
        yield from _called(guardrail.guardrail_function, f"a guardrail {of}")


def _of_handoff(onward: Handoff[Any, Any]) -> Iterator[Part]:
    of = f"of the hand-off to {onward.agent_name!r}"
    yield from _called(onward.on_invoke_handoff, f"on_handoff {of}")
    yield from _called(onward.input_filter, f"the input filter {of}")
    yield from _called(onward.is_enabled, f"is_enabled {of}")


def _called(call: Any, role: str, *, recorded: bool = False) -> Iterator[Part]:
    if callable(call):
        yield Part(call, role, recorded)
