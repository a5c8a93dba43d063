"""A graph of agents as plain data, for whoever shows it: agents, tools, hand-offs, guardrails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from agents import Agent, AgentOutputSchemaBase, FunctionTool, Handoff, Model, Tool
from agents._run_state_agent_identity import _iter_agent_graph as reachable_agents

from agents_defs.tool_effects import effect_of

Approval = Literal["always", "sometimes", "never"]


@dataclass(frozen=True, slots=True)
class ToolCard:
    """A tool as one of the agents has it."""

    name: str
    description: str
    effect: str  # of a second call; "" where it is not called here
    approval: Approval
    agent: str | None = None  # that it asks, where it is one used as a tool


@dataclass(frozen=True, slots=True)
class AgentCard:
    """One agent of a graph."""

    name: str
    description: str  # as others are told of it
    model: str | None  # that it names itself
    instructions: str | None  # None: they are a function
    output_type: str | None
    tools: tuple[ToolCard, ...]
    handoffs: tuple[str, ...]  # names of agents
    input_guardrails: tuple[str, ...]
    output_guardrails: tuple[str, ...]
    is_flow: bool = False


def draw(root: Agent[Any]) -> tuple[AgentCard, ...]:
    """The first agent, and all that it can reach, each once."""
    return tuple(_card(agent) for agent in reachable_agents(root))


def _card(agent: Agent[Any]) -> AgentCard:
    flows = callable(getattr(agent, "steps", None))
    return AgentCard(
        name=agent.name,
        description=agent.handoff_description or "",
        model=_model(agent.model),
        instructions=None if callable(agent.instructions) else agent.instructions or "",
        output_type=_type_name(agent.output_type),
        tools=(*map(_tool, agent.tools), *(_server(one.name) for one in agent.mcp_servers)),
        handoffs=tuple(
            one.agent_name if isinstance(one, Handoff) else str(one.name) for one in agent.handoffs
        ),
        input_guardrails=tuple(one.get_name() for one in agent.input_guardrails),
        output_guardrails=tuple(one.get_name() for one in agent.output_guardrails),
        is_flow=flows,
    )


def _tool(tool: Tool) -> ToolCard:
    asked = getattr(tool, "_agent_instance", None) if getattr(tool, "_is_agent_tool", False) else None
    ours = isinstance(tool, FunctionTool)
    needs: Any = getattr(tool, "needs_approval", False)
    return ToolCard(
        name=tool.name,
        description=getattr(tool, "description", ""),
        effect=effect_of(tool) if isinstance(tool, FunctionTool) and asked is None else "",
        approval="sometimes" if callable(needs) else "always" if needs and ours else "never",
        agent=getattr(asked, "name", None),
    )


def _server(name: str) -> ToolCard:
    """Which tools it has is known when it is reached."""
    return ToolCard(f"{name}/*", f"tools of the MCP server {name}", effect="", approval="never")


def _model(model: str | Model | None) -> str | None:
    if model is None or isinstance(model, str):
        return model
    return str(getattr(model, "model", None) or type(model).__name__)


def _type_name(kind: type[Any] | AgentOutputSchemaBase | None) -> str | None:
    if kind is None:
        return None
    return kind.name() if isinstance(kind, AgentOutputSchemaBase) else getattr(kind, "__name__", str(kind))
