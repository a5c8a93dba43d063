"""One copy of an agent with all that it can reach, made ready to be run and metered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agents import (
    Agent,
    AgentOutputSchema,
    AgentOutputSchemaBase,
    FunctionTool,
    Handoff,
    Model,
    ModelSettings,
    handoff,
)
from agents._run_state_agent_identity import _iter_agent_graph as reachable_agents
from agents.models.default_models import get_default_model_settings

from agents_defs.flow import Flow
from agents_defs.guardrails.placing import add_input_guards, add_output_guards
from agents_defs.mcp.connections import McpServers
from agents_defs.mcp.offer import offer_of, offer_tools
from agents_defs.metered_model import MeteredModel
from agents_defs.model_ladder import ladder_of
from agents_defs.model_provider import NamedModel
from agents_defs.model_request import ModelRequest
from agents_defs.permissions import EVERYTHING as EVERYTHING
from agents_defs.permissions import Allowed as Allowed
from agents_defs.prices import UNKNOWN
from agents_defs.registry import BadRegistration
from agents_defs.scoped_guardrail import scoped_guardrail
from agents_defs.scoped_tool import ScopedTools
from agents_defs.tool_kinds import misplaced, unreachable

if TYPE_CHECKING:
    from agents_defs.agent_spec import AgentSpec
    from agents_defs.model_provider import ModelAccess


EMPTY_QUESTION = {"role": "user", "content": ""}


@dataclass(frozen=True, slots=True)
class Workshop:
    """What graphs are made with."""

    models: ModelAccess
    tools: ScopedTools = field(default_factory=ScopedTools)
    servers: McpServers = field(default_factory=McpServers)


def build_graph(
    spec: AgentSpec, workshop: Workshop, model: str | None = None, allowed: Allowed = EVERYTHING
) -> Agent[Any]:
    """A new graph of the spec. `model` overrides the models of all its agents."""
    root = spec.build()
    if not isinstance(root, Agent):
        raise BadRegistration(f"build() of {spec.reference} returned {type(root).__name__}, not an Agent")
    for agent in list(reachable_agents(root)):
        if isinstance(agent, Flow) and agent is not root:
            raise BadRegistration(
                f"{spec.reference}: the flow {agent.name!r} is no agent to hand off to or to ask"
            )
        if isinstance(agent.model, MeteredModel):
            raise BadRegistration(
                f"build() of {spec.reference} returned the agent {agent.name!r} a second time: "
                "make every agent inside of build(), so that runs do not share them"
            )
        add_output_guards(agent, spec.guardrails)
        if agent is root:
            add_input_guards(agent, spec.guardrails)
        workshop.servers.give(agent, spec, first=any(agent is one for one in _first_agents(root)))
        prepare(agent, spec, workshop, model, allowed)
    return root


def _first_agents(root: Agent[Any]) -> tuple[Agent[Any], ...]:
    """Those that are meant by the spec's name alone."""
    return root.agents if isinstance(root, Flow) else (root,)


def prepare(
    agent: Agent[Any],
    spec: AgentSpec,
    workshop: Workshop,
    model: str | None = None,
    allowed: Allowed = EVERYTHING,
) -> None:
    """Puts meters before one agent's model, tools and guardrails. Once, and before it runs."""
    chosen = _chosen(agent, spec, workshop.models, model)
    _refuse(agent, spec, chosen)
    shelves = workshop.servers.used_by(agent)
    allowed.left_of(agent)
    offer_tools(agent, shelves, allowed, workshop.tools, spec.tool_timeout_s)
    _use_model(agent, chosen, spec, workshop.models)
    agent.tools = [
        workshop.tools.scoped(tool, spec.tool_timeout_s) if isinstance(tool, FunctionTool) else tool
        for tool in agent.tools
    ]
    agent.input_guardrails = [scoped_guardrail(guardrail, "input") for guardrail in agent.input_guardrails]
    agent.output_guardrails = [scoped_guardrail(guardrail, "output") for guardrail in agent.output_guardrails]


def _refuse(agent: Agent[Any], spec: AgentSpec, chosen: NamedModel) -> None:
    """Raises BadRegistration where the agent has tools that it cannot have, whatever a plan allows."""
    known = unreachable(agent, chosen.model)
    wrong = [*misplaced(agent, spec), *((known,) if known is not None else ())]
    if wrong:
        told = "; ".join(f"{what}: {instead}" for what, instead in wrong)
        raise BadRegistration(f"{spec.reference}: {told}")


def _chosen(agent: Agent[Any], spec: AgentSpec, models: ModelAccess, model: str | None) -> NamedModel:
    """The model of the request, else of the agent, else of the spec's tier."""
    if model is not None:
        return models.named(model)
    if isinstance(agent.model, Model):
        name = getattr(agent.model, "model", None) or type(agent.model).__name__
        return NamedModel(str(name), agent.model, lambda: UNKNOWN, provider=type(agent.model).__name__)
    return models.tier(spec.model_tier) if agent.model is None else models.named(agent.model)


def _use_model(agent: Agent[Any], chosen: NamedModel, spec: AgentSpec, models: ModelAccess) -> None:
    """Settings that the SDK chose for the name of another model are chosen anew."""
    own = agent.model
    implicit = ModelSettings() if isinstance(own, Model) else get_default_model_settings(own)
    own_settings = agent.model_settings != implicit
    if not own_settings:
        of_tier = models.settings(spec.model_tier) if own is None else {}
        settings = get_default_model_settings(chosen.name)
        agent.model_settings = settings.resolve(ModelSettings(**of_tier)) if of_tier else settings
    fallbacks = [models.named(name) for name in spec.fallback_models or models.fallbacks(chosen.name)]
    agent.model = MeteredModel(ladder_of(chosen, fallbacks, own_settings=own_settings), agent.name, spec)


def first_asked(root: Agent[Any]) -> Agent[Any]:
    """The agent whose model a run asks first, as far as that can be told."""
    return root.agents[0] if isinstance(root, Flow) else root


def characters_told(agent: Agent[Any]) -> int:
    """About how many characters a model is told beside what is asked: instructions, tools, hand-offs, a type.

    Instructions that are a function count nothing: what they say depends on the run. Tools of MCP servers
    count as they are known now.
    """
    agent = first_asked(agent)
    offer = offer_of(agent)
    tools = agent.tools if offer is None else [*agent.tools, *offer.expected()]
    instructions = agent.instructions if isinstance(agent.instructions, str) else ""
    onward = [one if isinstance(one, Handoff) else handoff(one) for one in agent.handoffs]
    kind = agent.output_type
    typed = kind is not None and not isinstance(kind, AgentOutputSchemaBase)
    schema = AgentOutputSchema(kind) if typed else kind  # type: ignore[arg-type]  # a type it is
    parts = (instructions, [EMPTY_QUESTION], agent.model_settings, tools, schema, onward, None)
    return ModelRequest(parts, {"prompt": None}).print_for(agent.name).characters
