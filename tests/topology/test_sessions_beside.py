"""Sessions beside the journals: a turn stands there once, before its answer, wherever a worker dies."""

import asyncio
from typing import Any, cast

import pytest

from agents_defs.agent_spec import AgentSpec
from agents_defs.memory.memory_spec import MemorySpec
from streams.conversations import NO_DATABASE
from streams.observations import Fault, OutcomeSealed
from streams.ports import RunKey, SessionTurn
from tests.contract.run_steps import said
from tests.doubles.flume import NEVER_BUILT, Flume, World
from tests.doubles.held_runs import HeldRuns
from tests.doubles.requests import body
from tests.topology.test_parking import left_parked, until_parked

SPECS = [AgentSpec("support", 3, NEVER_BUILT, memory=MemorySpec(store="sql"))]


def flume_on(world: World, **more: Any) -> Flume:
    return Flume(world, specs=SPECS, **more)


def turns(world: World, session_id: str = "s") -> list[Any]:
    kept = world.sessions.kept.get(("acme", session_id))
    return [] if kept is None else [items for _, _, _, items in kept.turns]


def turn(asked: str, answered: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.journal.RETRY_S", 0)


@pytest.fixture
def world() -> World:
    return World()


async def test_the_next_request_is_told_what_was_said_and_redis_keeps_none_of_it(world: World) -> None:
    async with flume_on(world) as flume:
        flume.write(body("r-1", session_id="s", input="one"), body("r-2", session_id="s", input="two"))
        await flume.finish("r-1", verdict="first")
        await flume.finish("r-2", verdict="second")
        await flume.settle()

        assert flume.runs.orders[1].session_items == turn("one", "first")
        assert turns(world) == [turn("one", "first"), turn("two", "second")]
        assert world.memory.sessions == {}
        assert [one["memory"] for one in world.responses()] == ["kept", "kept"]


async def test_a_worker_that_dies_before_the_outcome_is_decided_leaves_nothing_in_the_session(
    world: World,
) -> None:
    async with flume_on(world) as flume:
        flume.write(body("r-1", session_id="s", input="one"))
        await flume.running("r-1")
        await flume.die()
    assert turns(world) == []

    async with flume_on(world, runs=HeldRuns(instant=True)) as other:
        await other.settle()

    assert turns(world) == [turn("one", "answer to one")]


async def test_a_worker_that_dies_between_decision_and_turn_has_both_made_up_for(world: World) -> None:
    async with flume_on(world) as flume:
        flume.write(body("r-1", session_id="s", input="one"), body("r-2", session_id="s", input="two"))
        await flume.running("r-1")
        world.sessions.away = True
        flume.runs.end("r-1", "first")
        await flume.until(lambda: any(one.outcomes for one in world.memory.journals.values()))
        await flume.rest()
        assert (turns(world), world.responses(), flume.runs.running) == ([], [], [])
        await flume.die()
    world.sessions.away = False

    async with flume_on(world, runs=HeldRuns(instant=True)) as other:
        await other.settle()

        assert other.runs.started == ["r-2"]
        assert other.runs.orders[0].session_items == turn("one", "first")
    assert turns(world) == [turn("one", "first"), turn("two", "answer to two")]
    assert [one["request_id"] for one in world.responses()] == ["r-1", "r-2"]


async def test_who_goes_on_in_the_session_waits_for_a_turn_that_is_being_made_up_for(world: World) -> None:
    async with flume_on(world) as flume:
        flume.write(body("r-1", session_id="s", input="one"), body("r-2", session_id="s", input="two"))
        await flume.running("r-1")
        world.sessions.gate = asyncio.Event()
        flume.runs.end("r-1", "first")
        await flume.until(lambda: world.sessions.added)
        await flume.die()

    async with flume_on(world, runs=HeldRuns(instant=True)) as other:
        await other.until(lambda: len(world.sessions.added) == 2)
        await other.rest()
        assert other.runs.started == []

        world.sessions.gate.set()
        await other.settle()
        assert other.runs.orders[0].session_items == turn("one", "first")


async def test_a_worker_that_dies_between_turn_and_publication_has_its_outcome_published(
    world: World,
) -> None:
    async with flume_on(world) as flume:
        flume.write(body("r-1", session_id="s", input="one"))
        await flume.running("r-1")
        flume.outbox.hold()
        flume.runs.end("r-1", "first")
        await flume.until(lambda: turns(world))
        await flume.rest()
        assert world.responses() == []
        await flume.die()

    async with flume_on(world) as other:
        await other.settle()
        assert other.runs.started == []

    assert world.sessions.added == ["r-1", "r-1"]
    assert turns(world) == [turn("one", "first")]
    assert world.statuses() == {"r-1": "completed"}


async def test_a_worker_that_was_frozen_before_it_added_its_turn_changes_nothing(world: World) -> None:
    async with flume_on(world) as frozen:
        frozen.write(body("r-1", session_id="s", input="one"))
        await frozen.running("r-1")
        gate = world.sessions.gate = asyncio.Event()
        frozen.runs.end("r-1", "first")
        await frozen.until(lambda: world.sessions.added)
        world.sessions.gate = None
        async with flume_on(world, runs=HeldRuns(instant=True)) as other:
            other.write(body("r-2", session_id="s", input="two"))
            await other.settle()

            gate.set()
            await frozen.rest()

    assert turns(world) == [turn("one", "first"), turn("two", "answer to two")]


async def test_the_next_run_starts_only_when_the_turn_stands_there(world: World) -> None:
    async with flume_on(world) as flume:
        flume.write(body("r-1", session_id="s"), body("r-2", session_id="s"))
        await flume.running("r-1")
        world.sessions.away = True
        flume.runs.end("r-1")
        await flume.rest()
        assert flume.runs.running == []

        world.sessions.away = False
        await flume.running("r-2")


async def test_each_attempt_reads_what_the_first_one_read(world: World) -> None:
    async with flume_on(world) as flume:
        flume.write(body("r-1", session_id="s", input="one"))
        await flume.running("r-1")
        await flume.die()
    earlier = RunKey("acme", "r-0", 1, "t")
    mark = (await world.sessions.read(earlier, "s", None)).mark
    await world.sessions.add(earlier, SessionTurn("s", said("zero")), mark)

    async with flume_on(world, runs=HeldRuns(instant=True)) as other:
        await other.settle()
        assert other.runs.orders[0].session_items == []


async def test_a_session_that_is_deleted_while_a_run_is_under_way_is_not_written_back(world: World) -> None:
    async with flume_on(world) as flume:
        flume.write(body("r-1", session_id="s", input="one"), body("r-2", session_id="s", input="two"))
        await flume.finish("r-1", verdict="a secret")
        await flume.running("r-2")

        assert await world.sessions.delete("acme", "s") == 1
        await flume.finish("r-2", verdict="another")
        await flume.settle()
        assert turns(world) == []

        flume.write(body("r-3", session_id="s", input="three"))
        await flume.finish("r-3", verdict="new")
        await flume.settle()
    assert flume.runs.orders[2].session_items == []
    assert turns(world) == [turn("three", "new")]


async def test_turns_of_a_store_that_was_emptied_are_not_lost(world: World) -> None:
    async with flume_on(world) as flume:
        flume.write(body("r-1", session_id="s", input="one"), body("r-2", session_id="s", input="two"))
        await flume.finish("r-1", verdict="first")
        await flume.running("r-2")
        world.memory.become(type(world.memory)())
        await flume.finish("r-2", verdict="second")
        await flume.settle()

    assert turns(world) == [turn("one", "first"), turn("two", "second")]
    assert [one["memory"] for one in world.responses()] == ["kept", "kept"]


async def test_an_agent_without_memory_reads_and_keeps_nothing() -> None:
    specs = [AgentSpec("support", 3, NEVER_BUILT, memory=MemorySpec(store="none"))]
    async with Flume(specs=specs) as flume:
        flume.write(body("r-1", session_id="s"), body("r-2", session_id="s"))
        await flume.finish("r-1")
        await flume.running("r-2")  # they still run one at a time
        assert flume.runs.most_at_once == 1
        await flume.finish("r-2")
        await flume.settle()

        assert flume.runs.orders[1].session_items == ()
        assert flume.world.memory.sessions == {}
        assert [one["memory"] for one in flume.world.responses()] == ["none", "none"]


async def decided(world: World) -> None:
    """A worker decides r-1 and dies before its turn is added."""
    async with flume_on(world) as flume:
        flume.write(body("r-1", session_id="s", input="one"))
        await flume.running("r-1")
        world.sessions.away = True
        flume.runs.end("r-1", "first")
        await flume.until(lambda: any(one.outcomes for one in world.memory.journals.values()))
        await flume.rest()
        await flume.die()
    world.sessions.away = False


def without_database(world: World) -> Flume:
    """A worker whose agents keep their sessions elsewhere by now, and that has no database any more."""
    sessions, world.sessions = world.sessions, cast("Any", None)
    flume = Flume(world, runs=HeldRuns(instant=True))
    world.sessions = sessions
    return flume


async def test_a_worker_without_the_database_decides_nothing_else_and_says_what_it_lacks(
    world: World,
) -> None:
    await decided(world)
    world.write(body("r-2", session_id="other"))
    async with without_database(world) as flume:
        await until_parked(flume, "r-1")
        await flume.settle()

        assert world.statuses() == {"r-2": "completed"}
        assert world.dead_letters() == []
        (told,) = flume.observed.of(OutcomeSealed)
        assert (told.request_id, told.reason) == ("r-1", NO_DATABASE)
        assert flume.observed.of(Fault) == []


async def test_the_outcome_and_its_turn_are_there_when_the_database_is_named_again(world: World) -> None:
    await decided(world)
    async with without_database(world) as flume:
        await until_parked(flume, "r-1")
    world.clock.advance(6)

    async with flume_on(world, runs=HeldRuns(instant=True)) as other:
        await other.until(world.responses)
        await other.settle()

        assert (world.statuses(), other.runs.started) == ({"r-1": "completed"}, [])
    assert turns(world) == [turn("one", "first")]
    assert left_parked(world) == 0
