"""Agents that ask each other in a row: what must not get lost, whatever else happens to them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agents import Agent
from agents.testing import assistant_message, function_call

from agents_defs.agent_spec import AgentSpec
from agents_defs.model_access import FixedAccess
from agents_defs.registry import Registry
from agents_defs.runner import AgentRunner
from agents_defs.tools.ask_agent import ask_agent
from streams import correspondence
from streams.policy.caps import Bench
from streams.ports import StoreUnavailable
from tests.doubles.flume import Flume, World
from tests.doubles.history_model import HistoryModel
from tests.doubles.memory_claims import ClaimMemory
from tests.doubles.memory_outbox import NAMES
from tests.doubles.requests import body

ASKS = {"boss": ("clerk",), "clerk": ("scribe",), "scribe": ()}


def answer(instructions: str | None, items: list[Any]) -> Any:
    """Each asks the next one what it was asked itself; the last one answers."""
    who = instructions or ""
    got = [one["output"] for one in items if one.get("type") == "function_call_output"]
    if got or not ASKS[who]:
        return [assistant_message(f"{who}({got[0] if got else items[0].get('content')})")]
    said = str(items[0].get("content"))
    asked = {"agent": ASKS[who][0], "question": said * 2 if said.startswith("why") else said}
    times = 2 if said == "twice" else 1
    return [function_call("ask_agent", asked, call_id=f"c-{who}-{nth}") for nth in range(times)]


def spec(name: str) -> AgentSpec:
    def build() -> Agent[Any]:
        return Agent(
            name=name,
            instructions=name,
            tools=[ask_agent(*ASKS[name], name="ask_agent")] if ASKS[name] else [],
        )

    return AgentSpec(name, 1, build)


SPECS = [spec(name) for name in ASKS]


def worker(world: World, **options: Any) -> Flume:
    return Flume(world, AgentRunner(Registry(SPECS), FixedAccess(HistoryModel(answer))), SPECS, **options)


def post(world: World) -> list[dict[str, Any]]:
    """Questions that were published come to stand on the topic; returns what they say."""
    for emission in world.log.emissions(NAMES.requests):
        if emission.value not in [one.value for one in world.requests[emission.partition]]:
            world.write(emission.value, headers=emission.headers)
    return world.log.read(NAMES.requests)


async def settle(flume: Flume) -> None:
    for _ in range(8):
        await flume.rest()
        post(flume.world)


async def test_who_was_asked_and_asked_on_itself_answers_too() -> None:
    world = World()
    async with worker(world) as flume:
        flume.write(body("r-1", agent="boss", input="well?"))

        await settle(flume)

        assert world.responses("r-1")[0]["output"] == "boss(clerk(scribe(well?)))"
        assert len(flume.parking.lot) == 0


async def test_a_question_that_no_record_holds_is_told_to_the_model_instead_of_written() -> None:
    world = World()
    async with worker(world) as flume:
        large = "x" * (1024 * 1024 - 6000)
        flume.write(body("r-1", agent="boss", input="why? " * 1000, metadata={"k": large}))

        await settle(flume)

        assert all(len(one.value or b"") < 1024 * 1024 for one in world.log.emissions(NAMES.requests))
        assert "too large" in world.responses("r-1")[0]["output"]


async def test_a_reply_waits_for_the_record_of_who_asked_as_long_as_that_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, loop, late_s = World(), asyncio.get_running_loop(), 0.0
    spoken = loop.time
    monkeypatch.setattr(loop, "time", lambda: spoken() + late_s)
    monkeypatch.setattr(correspondence, "LOOK_S", 0.0)
    async with worker(world) as flume:
        remember, away = flume.claims.answer, True

        async def answered(*told: Any) -> None:
            if away:
                raise StoreUnavailable("not there")
            await remember(*told)

        monkeypatch.setattr(flume.claims, "answer", answered)
        flume.write(body("r-1", agent="clerk", input="well?"))
        await flume.until(lambda: post(world))
        await flume.rest()
        late_s = 60.0
        await flume.rest()
        away = False

        await settle(flume)

        assert world.responses("r-1")[0]["output"] == "clerk(scribe(well?))"


def _place(flume: Flume) -> int:
    waiting = flume.parking.lot.find(("acme", "r-1"))
    return waiting.place.offset if waiting is not None else 0


async def test_who_is_cancelled_while_a_reply_is_being_written_ends_all_the_same() -> None:
    world = World()
    async with worker(world) as flume:
        flume.write(body("r-1", agent="clerk", input="twice"))
        await flume.settle()
        world.write(world.log.emissions(NAMES.requests)[0].value)
        flume.outbox.hold()
        await flume.until(lambda: _place(flume) < 0)
        flume.command(command="cancel", request_id="r-1")
        await flume.rest()
        flume.outbox.let_go()

        await flume.rest()

        assert world.statuses()["r-1"] == "cancelled"


async def test_who_asked_is_not_refused_for_want_of_a_seat_when_it_is_answered() -> None:
    world = World()
    world.plans.put(concurrency={"runs": 1}, over_limit="refuse")
    async with worker(world) as flume:
        flume.write(body("r-1", agent="clerk", input="well?"))
        await flume.settle()
        world.memory.become(ClaimMemory())
        post(world)
        flume.pump()
        await flume.until(lambda: world.responses())
        world.memory.occupy(Bench("acme"), ("elsewhere", "r", 0))
        await flume.rest()

        world.memory.occupy(Bench("acme"))
        flume.clock.advance(2)
        await settle(flume)

        assert world.responses("r-1")[0]["status"] == "completed"
