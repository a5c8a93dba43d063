"""A decided outcome that a worker cannot open: its request waits for the key, and nobody waits for it."""

from datetime import timedelta
from typing import Any

import pytest

from agents_defs.registry import AgentSpec
from schemas.times import format_at
from streams.observations import OutcomeSealed, StoreAway
from tests.doubles.flume import NEVER_BUILT, Flume, World
from tests.doubles.held_runs import HeldRuns
from tests.doubles.requests import body
from tests.topology.test_parking import left_parked, until_parked

WHY = "it is sealed with the key 00ff, which is not in PENSTOCK_MEMORY_KEYS_FILE: add it"


async def decided(world: World, **fields: Any) -> None:
    """A worker decides r-1 and dies before it has published that."""
    async with Flume(world, HeldRuns(instant=True)) as flume:
        flume.outbox.hold()
        flume.write(body("r-1", **fields))
        await flume.until(lambda: any(one.outcomes for one in world.memory.journals.values()))


def blind(world: World, **more: Any) -> Flume:
    """A worker that lacks the key."""
    flume = Flume(world, HeldRuns(instant=True), **more)
    flume.claims.sealed["acme", "r-1"] = WHY
    return flume


async def test_those_that_come_with_it_go_on_and_the_operator_is_told() -> None:
    world = World()
    await decided(world)
    world.write(body("r-2"), body("r-3"))
    async with blind(world) as flume:
        await until_parked(flume, "r-1")
        await flume.settle()

        assert world.statuses() == {"r-2": "completed", "r-3": "completed"}
        assert flume.observed.of(OutcomeSealed) == [OutcomeSealed("acme", "r-1", WHY)]
        assert flume.observed.of(StoreAway) == []
        assert flume.lag() == 0


async def test_one_that_another_version_wrote_concerns_its_request_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(_: bytes) -> None:
        raise TypeError("RunKey.__init__() takes 5 positional arguments but 6 were given")

    world = World()
    await decided(world)
    world.write(body("r-2"))
    monkeypatch.setattr("streams.completion.late_turn_of", unknown)
    async with Flume(world, HeldRuns(instant=True)) as flume:
        await until_parked(flume, "r-1")
        await flume.settle()

        assert world.statuses() == {"r-2": "completed"}
        (told,) = flume.observed.of(OutcomeSealed)
        assert "another version" in told.reason


async def test_its_outcome_is_published_when_the_key_is_back() -> None:
    world = World()
    await decided(world)
    async with blind(world) as flume:
        await until_parked(flume, "r-1")
        for _ in range(2):
            flume.clock.advance(6)
            await flume.rest()
        waited = world.statuses()

        flume.claims.sealed.clear()
        flume.clock.advance(6)
        await flume.until(world.responses)
        await flume.settle()

        assert waited == {}
        assert (world.statuses(), flume.runs.started) == ({"r-1": "completed"}, [])
        assert left_parked(world) == 0


async def test_another_worker_that_has_the_key_publishes_it() -> None:
    world = World()
    await decided(world)
    async with blind(world) as flume:
        await until_parked(flume, "r-1")
    world.clock.advance(6)

    async with Flume(world, HeldRuns(instant=True)) as other:
        await other.until(world.responses)
        await other.settle()

        assert (world.statuses(), other.runs.started) == ({"r-1": "completed"}, [])


async def test_its_session_waits_for_it() -> None:
    world = World()
    await decided(world, session_id="s")
    world.write(body("r-2", session_id="s"))
    async with blind(world) as flume:
        await until_parked(flume, "r-1", "r-2")
        assert flume.runs.started == []

        flume.claims.sealed.clear()
        flume.clock.advance(6)
        await flume.until(lambda: len(world.responses()) == 2)

        assert [one["request_id"] for one in world.responses()] == ["r-1", "r-2"]
        assert flume.runs.started == ["r-2"]


async def test_its_deadline_does_not_take_the_answer_away_that_it_has() -> None:
    world = World()
    await decided(world, deadline=format_at(world.clock.at() + timedelta(seconds=30)))
    async with blind(world) as flume:
        await until_parked(flume, "r-1")
        flume.clock.advance(31)
        await flume.rest()
        asked = len(flume.observed.of(OutcomeSealed))
        await flume.rest()
        assert len(flume.observed.of(OutcomeSealed)) == asked  # it does not ask without a pause

        flume.claims.sealed.clear()
        flume.clock.advance(6)
        await flume.until(world.responses)

        assert world.statuses() == {"r-1": "completed"}


async def test_a_cancel_gives_up_an_answer_whose_key_is_gone_for_good() -> None:
    world = World()
    await decided(world, session_id="s")
    async with blind(world) as flume:
        await until_parked(flume, "r-1")

        flume.command(command="cancel", request_id="r-1")
        await flume.until(world.responses)
        flume.clock.advance(6)
        await flume.settle()

        assert (world.statuses(), flume.runs.started) == ({"r-1": "cancelled"}, [])
        assert left_parked(world) == 0


async def test_one_whose_agent_is_gone_asks_again_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.locked.AGAIN_S", 0.0)
    world = World()
    await decided(world)
    async with blind(world, specs=[AgentSpec("another", 1, NEVER_BUILT)]) as flume:
        flume.pump()
        await flume.until(lambda: len(flume.observed.of(OutcomeSealed)) > 2)
        assert world.statuses() == {}

        flume.claims.sealed.clear()
        await flume.settle()

        assert world.statuses() == {"r-1": "completed"}
