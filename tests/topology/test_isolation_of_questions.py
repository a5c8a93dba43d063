"""By asking other agents nobody reaches what its plan does not allow, however the question is put."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, function_tool
from agents.testing import assistant_message, function_call

from agents_defs.agent_spec import AgentSpec
from agents_defs.flow import Flow
from agents_defs.flow_run import FlowRun
from agents_defs.model_access import FixedAccess
from agents_defs.registry import Registry
from agents_defs.runner import AgentRunner
from agents_defs.tools.ask_agent import ask_agent
from streams.question_ids import asked_in
from tests.doubles.flume import Flume, World
from tests.doubles.history_model import HistoryModel, results
from tests.doubles.memory_outbox import NAMES
from tests.doubles.requests import body
from tests.topology.test_asked_agents import post, settle

LOOKED: list[str] = []


@function_tool
async def look() -> str:
    """Looks."""
    LOOKED.append("looked")
    return "seen"


class Office:
    """`boss` asks `clerk`, who asks `vault`; `desk` is a flow of its own agents, `round` a wrong one."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def answer(self, instructions: str | None, asked: list[Any]) -> Any:
        who, got = instructions or "", results(asked)
        self.ran.append(who)
        onward = {"boss": "clerk", "pinned": "vault@1", "clerk": "vault"}
        if who in onward and not got:
            call = {"question": f"from {who}"}
            name = "ask_" + onward[who].partition("@")[0]
            return [function_call(name, call, call_id=f"c-{who}")]
        if who == "looker" and not got:
            return [function_call("look", {}, call_id="c-look")]
        return [assistant_message(f"{who}: {' '.join(got) or 'done'}")]

    def runs(self) -> AgentRunner:
        return AgentRunner(Registry(specs()), FixedAccess(HistoryModel(self.answer)))


def asks(name: str, *others: str) -> AgentSpec:
    return AgentSpec(name, 1, lambda: Agent(name=name, instructions=name, tools=[ask_agent(*others)]))


async def through_desk(run: FlowRun, question: str) -> str:
    return str(await run.ask("looker", question))


async def through_round(run: FlowRun, question: str) -> str:
    return str(await run.ask("vault", question))


def crew() -> list[Agent[Any]]:
    return [Agent(name="looker", instructions="looker", tools=[look]), Agent(name="other", instructions="o")]


def specs() -> list[AgentSpec]:
    return [
        asks("boss", "clerk"),
        asks("clerk", "vault"),
        asks("pinned", "vault@1"),
        AgentSpec("vault", 1, lambda: Agent(name="vault", instructions="vault")),
        AgentSpec("desk", 1, lambda: Flow("desk", through_desk, crew())),
        AgentSpec("round", 1, lambda: Flow("round", through_round, crew())),
    ]


async def asked(world: World, agent: str, **more: Any) -> Office:
    """A request of acme, until nothing goes on any more."""
    office = Office()
    async with Flume(world, office.runs(), specs()) as flume:
        flume.write(body("r-1", agent=agent, **more))
        await settle(flume)
    return office


@pytest.fixture(autouse=True)
def nobody_looked() -> None:
    LOOKED.clear()


async def test_all_of_them_can_be_asked_where_nothing_says_otherwise() -> None:
    world = World()

    office = await asked(world, "boss")

    assert world.responses("r-1")[0]["output"] == "boss: clerk: vault: done"
    assert "vault" in office.ran


@pytest.mark.parametrize(
    ("agent", "allowed"), [("clerk", ["clerk"]), ("boss", ["boss", "clerk"]), ("pinned", ["pinned"])]
)
async def test_who_is_not_allowed_is_not_reached_through_those_who_are(
    agent: str, allowed: list[str]
) -> None:
    world = World()
    world.plans.put(agents=allowed)
    world.plans.put("globex", agents=["vault"])

    office = await asked(world, agent)

    assert "vault" not in office.ran
    assert "vault gave no answer (agent_not_allowed" in world.responses("r-1")[0]["output"].replace("@1", "")
    refused = [one for one in world.responses() if one["agent"].partition("@")[0] == "vault"]
    assert [(one["status"], one["tenant_id"]) for one in refused] == [("refused", "acme")]


async def test_who_claims_to_be_asked_by_somebody_is_not_let_in() -> None:
    world = World()
    world.plans.put(agents=["boss", "clerk"])
    parent = {"request_id": "r-0", "depth": 2, "path": ["boss", "clerk"]}

    office = await asked(world, "vault", parent=parent)

    assert (world.statuses(), office.ran) == ({"r-1": "refused"}, [])


async def test_a_tool_that_asks_is_a_tool_that_a_plan_may_leave_out() -> None:
    world = World()
    world.plans.put(tools=["look"])

    office = await asked(world, "boss")

    assert post(world) == []
    assert set(office.ran) == {"boss"}


async def test_a_flow_asks_its_own_agents_alone() -> None:
    world = World()

    office = await asked(world, "round")

    assert (world.statuses(), office.ran) == ({"r-1": "failed"}, [])
    assert world.log.read(NAMES.requests) == []


@pytest.mark.parametrize(("tools", "times"), [(None, 1), (["another"], 0)])
async def test_the_agents_of_a_flow_have_the_tools_that_the_plan_allows(
    tools: list[str] | None, times: int
) -> None:
    world = World()
    world.plans.put(tools=tools)

    await asked(world, "desk")

    assert len(LOOKED) == times


async def test_what_is_asked_in_a_session_is_found_by_it_and_by_no_other() -> None:
    world = World()

    await asked(world, "boss", session_id="s")

    questions = [one["request_id"] for one in world.log.read(NAMES.requests)]
    assert len(questions) == 2
    assert all(asked_in("acme", "s", one) for one in questions)
    assert not any(asked_in(*whose, one) for whose in (("acme", "t"), ("globex", "s")) for one in questions)
