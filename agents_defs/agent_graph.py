"""One copy of an agent with all that it can reach, made ready to be run and metered."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agents import Agent, FunctionTool, Model, ModelSettings
from agents._run_state_agent_identity import _iter_agent_graph as reachable_agents
from agents.models.default_models import get_default_model_settings

from agents_defs.metered_model import MeteredModel
from agents_defs.model_provider import NamedModel
from agents_defs.prices import UNKNOWN
from agents_defs.registry import BadRegistration
from agents_defs.run_scope import SCOPE
from agents_defs.scoped_tool import ScopedTools

if TYPE_CHECKING:
    from agents_defs.agent_spec import AgentSpec
    from agents_defs.model_provider import ModelAccess


@dataclass(frozen=True, slots=True)
class Workshop:
    """What graphs are made with."""

    models: ModelAccess
    tools: ScopedTools = field(default_factory=ScopedTools)


def build_graph(spec: AgentSpec, workshop: Workshop, model: str | None = None) -> Agent[Any]:
    """A new graph of the spec. `model` overrides the models of all its agents."""
    root = spec.build()
    if not isinstance(root, Agent):
        raise BadRegistration(f"build() of {spec.reference} returned {type(root).__name__}, not an Agent")
    for agent in list(reachable_agents(root)):
        if isinstance(agent.model, MeteredModel):
            raise BadRegistration(
                f"build() of {spec.reference} returned the agent {agent.name!r} a second time: "
                "make every agent inside of build(), so that runs do not share them"
            )
        prepare(agent, spec, workshop, model)
    return root


def prepare(agent: Agent[Any], spec: AgentSpec, workshop: Workshop, model: str | None = None) -> None:
    """Puts meters before one agent's model, tools and guardrails. Once, and before it runs."""
    _use_model(agent, _chosen(agent, spec, workshop.models, model), spec)
    agent.tools = [
        workshop.tools.scoped(tool, spec.tool_timeout_s) if isinstance(tool, FunctionTool) else tool
        for tool in agent.tools
    ]
    agent.input_guardrails = [_scoped_guardrail(guardrail) for guardrail in agent.input_guardrails]
    agent.output_guardrails = [_scoped_guardrail(guardrail) for guardrail in agent.output_guardrails]


def _chosen(agent: Agent[Any], spec: AgentSpec, models: ModelAccess, model: str | None) -> NamedModel:
    """The model of the request, else of the agent, else of the spec's tier."""
    if model is not None:
        return models.named(model)
    if isinstance(agent.model, Model):
        name = getattr(agent.model, "model", None) or type(agent.model).__name__
        return NamedModel(str(name), agent.model, lambda: UNKNOWN)
    return models.tier(spec.model_tier) if agent.model is None else models.named(agent.model)


def _use_model(agent: Agent[Any], chosen: NamedModel, spec: AgentSpec) -> None:
    """Settings that the SDK chose for the name of another model are chosen anew."""
    own = agent.model
    implicit = ModelSettings() if isinstance(own, Model) else get_default_model_settings(own)
    if agent.model_settings == implicit:
        agent.model_settings = get_default_model_settings(chosen.name)
    agent.model = MeteredModel(chosen, agent.name, spec)


def _scoped_guardrail(guardrail: Any) -> Any:
    """An input or output guardrail whose model calls are counted apart, as a guardrail's."""
    check: Callable[..., Any] = guardrail.guardrail_function
    name = guardrail.get_name()

    async def scoped_check(*args: Any) -> Any:
        outer = SCOPE.get()
        token = SCOPE.set(outer.child(f"g:{name}", "guardrail") if outer is not None else None)
        try:
            verdict = check(*args)
            return await verdict if inspect.isawaitable(verdict) else verdict
        finally:
            SCOPE.reset(token)

    return dataclasses.replace(guardrail, guardrail_function=scoped_check, name=name)
