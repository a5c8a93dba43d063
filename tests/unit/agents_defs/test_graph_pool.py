"""No two runs share an agent, and idle graphs do not pile up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agents import Agent, Model, ModelSettings, function_tool
from agents._run_state_agent_identity import _iter_agent_graph
from agents.run_internal import agent_tool_configuration
from agents.testing import ModelStep, ScriptedModel, assistant_message

from agents_defs.agent_graph import Workshop, build_graph
from agents_defs.graph_pool import MAX_POOLS, GraphPool, GraphPools
from agents_defs.metered_model import MeteredModel
from agents_defs.model_access import FixedAccess, ModelAccess, ModelOptions, open_models
from agents_defs.registry import AgentSpec, BadRegistration, Registry, default_registry
from agents_defs.runner import AgentRunner
from schemas.failures import RunFailure
from tests.doubles.recorded_runs import AT, Recorder, order_for, plain_agent, run_agent, spec_of

SHARED = Agent[Any](name="shared")


@function_tool
async def nothing() -> str:
    """Does nothing."""
    return ""


def family() -> Agent[Any]:
    return Agent(
        name="parent", tools=[nothing], handoffs=[Agent(name="child", handoffs=[Agent(name="grandchild")])]
    )


def access() -> FixedAccess:
    return FixedAccess(ScriptedModel([]))


def workshop(models: ModelAccess | None = None) -> Workshop:
    return Workshop(models or access())


def test_a_graph_is_lent_to_one_run_at_a_time() -> None:
    pool = GraphPool(lambda: build_graph(spec_of(family), workshop()), max_idle=10)

    lent = [pool.take() for _ in range(5)]

    agents = [id(agent) for graph in lent for agent in _iter_agent_graph(graph)]
    assert len(agents) == len(set(agents)) == 15


def test_a_graph_that_comes_back_is_lent_again() -> None:
    pool = GraphPool(lambda: build_graph(spec_of(family), workshop()), max_idle=10)
    graph = pool.take()

    pool.give(graph)

    assert pool.take() is graph


def test_idle_graphs_are_bounded() -> None:
    pool = GraphPool(lambda: build_graph(spec_of(family), workshop()), max_idle=3)
    lent = [pool.take() for _ in range(20)]

    for graph in lent:
        pool.give(graph)

    assert pool.idle == 3


async def test_concurrent_runs_have_graphs_of_their_own() -> None:
    together = 40
    met: list[int] = []
    everyone = asyncio.Event()

    async def wait(_call: Any) -> Any:
        met.append(max((len(runs) for runs in agent_tool_configuration._resolutions.values()), default=0))
        if len(met) == together:
            everyone.set()
        await asyncio.wait_for(everyone.wait(), 5)
        return [assistant_message("hi")]

    runner = AgentRunner(Registry(), FixedAccess(ScriptedModel([ModelStep.respond(wait)] * together)))
    spec = spec_of(family)

    await asyncio.gather(*(runner.run(order_for(spec, run_id=f"r{n}"), Recorder()) for n in range(together)))

    assert max(met) == 1, "the SDK saw several runs on one agent"


async def test_a_graph_of_a_run_that_was_cut_off_is_not_lent_again() -> None:
    model = ScriptedModel([ModelStep.raise_error(RuntimeError("boom")), [assistant_message("hi")]])
    built: list[Agent[Any]] = []

    def build() -> Agent[Any]:
        built.append(plain_agent())
        return built[-1]

    runner, spec = AgentRunner(Registry(), FixedAccess(model)), spec_of(build)
    with pytest.raises(RunFailure):
        await runner.run(order_for(spec), Recorder())
    await runner.run(order_for(spec), Recorder())
    pool = runner._pools.pool(spec, None)

    assert (len(built), pool.idle) == (2, 1)


@pytest.mark.parametrize(
    "build",
    [
        lambda: SHARED,
        lambda: Agent(name="fresh", handoffs=[SHARED]),
        lambda: Agent(name="fresh", tools=[SHARED.as_tool("ask", "Asks.")]),
    ],
)
async def test_an_agent_that_runs_would_share_is_refused_at_once(build: Any) -> None:
    SHARED.model = None

    with pytest.raises(RunFailure, match="'shared' a second time: make every agent inside of build"):
        await run_agent(build, ScriptedModel([]))


def test_build_must_return_an_agent() -> None:
    with pytest.raises(BadRegistration, match="returned str, not an Agent"):
        build_graph(spec_of(lambda: "agent"), workshop())


def test_warming_up_finds_broken_agents() -> None:
    runner = AgentRunner(Registry([spec_of(lambda: None)]), access())

    with pytest.raises(BadRegistration):
        runner.warm_up()


def test_an_agent_that_cannot_be_built_is_named_with_its_file() -> None:
    def build() -> Agent[Any]:
        raise KeyError("no station")

    registry = Registry()
    registry.register(AgentSpec(name="gauge", version=2, build=build), "gauges.py")

    with pytest.raises(
        BadRegistration, match=r"^gauges\.py: gauge@2 cannot be built: KeyError: 'no station'$"
    ):
        AgentRunner(registry, access()).warm_up()


def test_the_shipped_agents_warm_up() -> None:
    AgentRunner(default_registry(), access()).warm_up()


def test_pools_of_models_that_are_no_longer_asked_for_are_forgotten() -> None:
    pools, spec = GraphPools(workshop(), max_idle=2), spec_of(family)
    first = pools.pool(spec, "model-0")

    for number in range(MAX_POOLS + 1):
        pools.pool(spec, f"model-{number}")

    assert pools.pool(spec, f"model-{MAX_POOLS}") is pools.pool(spec, f"model-{MAX_POOLS}")
    assert pools.pool(spec, "model-0") is not first


def models_of(root: Agent[Any]) -> dict[str, str]:
    return {
        agent.name: agent.model.named.name
        for agent in _iter_agent_graph(root)
        if isinstance(agent.model, MeteredModel)
    }


class OwnModel(ScriptedModel):
    model = "own-7b"


async def test_each_agent_has_its_own_model_the_specs_or_the_requests() -> None:
    def mixed() -> Agent[Any]:
        own: Model = OwnModel([])
        return Agent(
            name="tier", handoffs=[Agent(name="named", model="gpt-4.1"), Agent(name="own", model=own)]
        )

    tiers = {"small": "s", "standard": "m", "large": "l"}
    models = open_models(ModelOptions(api_key="k", tiers=tiers), now=lambda: 0.0, at=lambda: AT)
    spec = spec_of(mixed, model_tier="large")

    assert models_of(build_graph(spec, workshop(models))) == {
        "tier": "l",
        "named": "gpt-4.1",
        "own": "own-7b",
    }
    assert models_of(build_graph(spec, workshop(models), "gpt-5")) == {
        "tier": "gpt-5",
        "named": "gpt-5",
        "own": "gpt-5",
    }
    await models.close()


async def test_settings_that_the_sdk_chose_for_its_default_model_do_not_reach_another() -> None:
    models = open_models(
        ModelOptions(api_key="k", tiers={"standard": "gpt-4.1"}), now=lambda: 0.0, at=lambda: AT
    )

    graph = build_graph(spec_of(plain_agent), workshop(models))
    chosen = build_graph(
        spec_of(lambda: plain_agent(model_settings=ModelSettings(temperature=0.1))), workshop(models)
    )

    assert graph.model_settings.reasoning is None
    assert chosen.model_settings.temperature == 0.1
    await models.close()


def test_an_unknown_tier_names_those_that_are_configured() -> None:
    models = open_models(
        ModelOptions(api_key="k", tiers={"standard": "gpt-4.1"}), now=lambda: 0.0, at=lambda: AT
    )

    with pytest.raises(LookupError, match="tier 'giant'; configured: standard"):
        build_graph(spec_of(plain_agent, model_tier="giant"), workshop(models))


def test_tools_that_graphs_share_are_copied_once_and_agents_used_as_tools_are_not() -> None:
    def build() -> Agent[Any]:
        return plain_agent(tools=[nothing, Agent[Any](name="inner").as_tool("ask", "Asks.")])

    shop = workshop()
    one, other = (build_graph(spec_of(build), shop) for _ in range(2))

    assert one.tools[0] is other.tools[0] is not nothing
    assert one.tools[1] is not other.tools[1]
