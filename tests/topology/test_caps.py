"""Caps of agents and models, of one tenant and of all: who is beyond them waits, and holds up nobody else."""

from datetime import timedelta
from typing import Any

import pytest

from agents_defs.agent_spec import AgentSpec
from agents_defs.run_journal import RunPostponed
from schemas.failures import Code, RunFailure
from schemas.times import format_at
from streams.policy.caps import Bench
from tests.doubles.flume import NEVER_BUILT, Flume, World
from tests.doubles.held_runs import HeldRuns
from tests.doubles.requests import PARTITIONS, body, partition_of

RESEARCH = Bench(agent="research")


def planned(world: World, tenant_id: str = "acme", **concurrency: Any) -> World:
    world.plans.put(tenant_id, concurrency=concurrency)
    return world


def specs(max_runs: int | None = None) -> list[AgentSpec]:
    return [AgentSpec("support", 3, NEVER_BUILT), AgentSpec("research", 1, NEVER_BUILT, max_runs=max_runs)]


def worker(world: World, runs: HeldRuns | None = None, max_runs: int | None = None) -> Flume:
    return Flume(world, runs or HeldRuns(), specs=specs(max_runs))


def research(request_id: str, tenant_id: str = "acme", **more: Any) -> dict[str, Any]:
    return body(request_id, tenant_id, agent="research", **more)


async def end_all(flume: Flume, answers: int) -> None:
    while len(flume.world.responses()) < answers:
        flume.runs.end_all()
        await flume.rest(steps=8)
        flume.clock.advance(0.3)


async def test_an_agent_s_cap_holds_up_no_other_agent_of_its_tenant() -> None:
    async with worker(planned(World(), agents={"research": 2})) as flume:
        flume.write(*(research(f"r-{number}") for number in range(5)))
        await flume.until(lambda: len(flume.parking.lot) == 3)

        flume.write(*(body(f"s-{number}") for number in range(4)), research("other", "globex"))

        await flume.running("r-0", "r-1", "s-0", "s-1", "s-2", "s-3", "other")
        await flume.finish("r-0")
        await flume.running("r-1", "r-2", "s-0", "s-1", "s-2", "s-3", "other")
        await end_all(flume, 10)
        assert set(flume.world.statuses().values()) == {"completed"}


@pytest.mark.parametrize(("named", "capped"), [("gpt", "gpt"), (None, "standard")])
async def test_a_model_s_cap_counts_runs_that_name_it_or_whose_agent_asks_it(
    named: str | None, capped: str
) -> None:
    async with worker(planned(World(), models={capped: 1})) as flume:
        asked: dict[str, Any] = {} if named is None else {"model": named}
        flume.write(body("r-0", **asked), research("r-1", **asked), body("r-2", model="another"))
        await flume.until(lambda: len(flume.parking.lot) == 1)

        await flume.running("r-0", "r-2")
        await flume.finish("r-0")
        await flume.running("r-1", "r-2")


async def test_an_agent_s_own_cap_is_for_all_tenants_and_they_take_turns() -> None:
    async with worker(World(), max_runs=2) as flume:
        flume.write(*(research(f"a-{number}", "acme") for number in range(20)))
        await flume.until(lambda: len(flume.parking.lot) == 18)
        flume.write(*(research(f"g-{number}", "globex") for number in range(2)), body("s", "globex"))
        await flume.until(lambda: len(flume.parking.lot) == 20)
        await flume.running("a-0", "a-1", "s")

        for _ in range(2):
            flume.runs.end_all()
            await flume.rest()
        await flume.until(lambda: len(flume.runs.running) == 2)

        assert [one for one in flume.runs.started if one[0] == "g"] == ["g-0", "g-1"]
        await end_all(flume, 23)
        assert [one for one in flume.runs.started if one[0] == "a"] == [f"a-{n}" for n in range(20)]
        assert set(flume.world.statuses().values()) == {"completed"}
        assert flume.world.memory.sitting(RESEARCH) == 0


async def test_one_that_is_woken_and_is_under_another_cap_leaves_its_seat_to_the_next() -> None:
    world = planned(World(), runs=1)
    async with worker(world, max_runs=1) as flume:
        flume.write(research("g-0", "globex"))
        await flume.running("g-0")
        flume.write(research("a-0"), research("g-1", "globex"))
        await flume.until(lambda: len(flume.parking.lot) == 2)
        flume.write(body("a-1"))
        await flume.running("g-0", "a-1")

        await flume.finish("g-0")

        await flume.running("g-1", "a-1")
        await flume.finish("a-1")
        await flume.rest()
        await flume.running("g-1")
        await flume.finish("g-1")
        await flume.running("a-0")


async def test_a_seat_that_another_worker_gives_back_is_found_in_good_time() -> None:
    world = World()
    async with worker(world, max_runs=1) as flume:
        world.memory.occupy(RESEARCH, ("elsewhere", "r", 0))
        flume.write(*(research(f"r-{number}") for number in range(3)))
        await flume.until(lambda: len(flume.parking.lot) == 3)
        await flume.rest()
        assert flume.runs.running == []

        world.memory.occupy(RESEARCH)
        flume.clock.advance(0.5)

        await flume.running("r-0")


async def test_with_runs_of_another_worker_there_are_never_more_than_there_may_be() -> None:
    world, runs = World(), HeldRuns()
    async with worker(world, runs, max_runs=3) as here:
        here.write(*(research(f"a-{number}") for number in range(12)))
        await here.until(lambda: len(here.parking.lot) == 9)
        world.memory.occupy(RESEARCH, *_sitting(world), ("elsewhere", "r", 0))

        await here.finish("a-0")
        await here.rest()
        assert sorted(runs.running) == ["a-1", "a-2"]

        world.memory.occupy(RESEARCH, *(one for one in _sitting(world) if one[0] != "elsewhere"))
        here.clock.advance(0.6)
        await here.until(lambda: len(runs.running) == 3)
        await end_all(here, 12)
        assert runs.most_at_once == 3
        assert runs.started == [f"a-{number}" for number in range(12)]


def _sitting(world: World) -> list[Any]:
    return list(world.memory.seats[RESEARCH].names)


async def test_the_seats_of_a_worker_that_died_are_its_successor_s() -> None:
    world = planned(World(), agents={"research": 2}, models={"standard": 2})
    async with worker(world, max_runs=2) as crashing:
        crashing.write(*(research(f"r-{number}") for number in range(3)))
        await crashing.running("r-0", "r-1")
        await crashing.until(lambda: len(crashing.parking.lot) == 1)

    async with worker(world, max_runs=2) as flume:
        flume.pump()
        await flume.until(lambda: len(flume.runs.running) == 2)
        flume.clock.advance(60)
        await end_all(flume, 3)

        assert set(world.statuses().values()) == {"completed"}
        assert flume.runs.most_at_once == 2
        assert [world.memory.sitting(bench) for bench in world.memory.seats] == [0, 0, 0]


async def test_a_run_that_waits_for_something_gives_all_its_seats_to_others() -> None:
    async with worker(planned(World(), agents={"research": 1}), max_runs=1) as flume:
        flume.write(research("r-0"), research("g-0", "globex"))
        await flume.running("r-0")
        await flume.until(lambda: len(flume.parking.lot) == 1)

        await flume.finish("r-0", verdict=RunPostponed(600.0, RunFailure(Code.MODEL_UNAVAILABLE)))

        await flume.running("g-0")


@pytest.mark.parametrize(
    ("concurrency", "max_runs", "told"),
    [
        ({"agents": {"research": 1}}, None, "1 runs of the agent research are under way, the plan allows 1"),
        (
            {"models": {"standard": 1}},
            None,
            "1 runs with the model standard are under way, the plan allows 1",
        ),
        (None, 1, "1 runs of the agent research are under way, all tenants together may have 1"),
    ],
)
async def test_who_does_not_want_to_wait_is_told_which_cap_and_how_many(
    concurrency: dict[str, Any] | None, max_runs: int | None, told: str
) -> None:
    world = World()
    if concurrency is not None:
        planned(world, **concurrency)
    async with worker(world, max_runs=max_runs) as flume:
        flume.write(research("r-0"), research("r-1", over_limit="refuse"))
        await flume.until(lambda: world.responses("r-1"))

        (refused,) = world.responses("r-1")
        assert (refused["status"], refused["error"]["code"]) == ("refused", "limit_concurrency")
        assert told in refused["error"]["message"]
        assert refused["error"]["retry_after_ms"] == 1000
        assert refused["runs"] == []


async def test_a_cap_of_none_refuses_also_those_that_would_wait() -> None:
    world = planned(World(), agents={"research": 0})
    async with worker(world) as flume:
        flume.write(research("r-0", over_limit="wait"), body("r-1"))
        await flume.until(lambda: world.responses("r-0"))

        assert world.responses("r-0")[0]["error"]["code"] == "limit_concurrency"
        await flume.running("r-1")


async def test_who_waits_for_a_cap_waits_no_longer_than_its_deadline() -> None:
    world = World()
    async with worker(world, max_runs=1) as flume:
        deadline = format_at(flume.clock.at() + timedelta(seconds=5))
        flume.write(research("r-0"), research("r-1", "globex", deadline=deadline))
        await flume.until(lambda: len(flume.parking.lot) == 1)
        flume.clock.advance(6)
        await flume.until(lambda: world.responses("r-1"))

        assert world.statuses() == {"r-1": "expired"}


async def test_sessions_wait_behind_their_own_first_one_only() -> None:
    async with worker(World(), max_runs=1) as flume:
        flume.write(research("head", session_id="s"), research("r-1", session_id="t"))
        await flume.running("head")
        flume.write(body("r-2", session_id="t"), body("r-3", session_id="u"), body("r-4", session_id="s"))
        await flume.until(lambda: len(flume.parking.lot) >= 2)

        await flume.running("head", "r-3")
        await end_all(flume, 5)
        assert flume.runs.started.index("r-1") < flume.runs.started.index("r-2")


async def test_a_run_s_time_begins_with_its_seat() -> None:
    world = World()
    async with worker(world, max_runs=1) as flume:
        flume.write(research("r-0"), research("r-1"))
        await flume.running("r-0")
        flume.clock.advance(7)
        await flume.finish("r-0")
        await flume.running("r-1")
        flume.clock.advance(2)
        await flume.finish("r-1")
        await flume.settle()

        first, second = (world.responses(name)[0] for name in ("r-0", "r-1"))
        assert first["runs"][0]["end"] <= second["runs"][0]["start"]
        assert (second["queued_ms"], second["run_ms"]) == (7000, 2000)


async def test_asking_for_a_seat_is_no_part_of_a_run_s_time() -> None:
    async with worker(World(), max_runs=1) as flume:
        licensing: Any = flume.pipeline._stages.execution.licence
        sit = licensing.reservations.sit

        async def slow(*args: Any, **more: Any) -> Any:
            flume.clock.advance(3)
            return await sit(*args, **more)

        licensing.reservations.sit = slow
        flume.write(research("r-0"))
        await flume.finish("r-0")
        await flume.settle()

        (done,) = flume.world.responses("r-0")
        assert (done["queued_ms"], done["run_ms"]) == (3000, 0)
        assert done["runs"][0]["start"] == done["runs"][0]["end"]


async def test_two_workers_that_both_have_many_waiting_share_the_seats() -> None:
    world, runs = World(), HeldRuns()
    mine, theirs = partition_of("acme"), partition_of("globex")
    assert mine != theirs
    async with worker(world, runs, max_runs=3) as here, worker(world, runs, max_runs=3) as there:
        await there.own([theirs])
        await here.own([one for one in range(PARTITIONS) if one != theirs])
        world.write(
            *(research(f"a-{n}") for n in range(20)), *(research(f"g-{n}", "globex") for n in range(20))
        )
        for _ in range(400):
            if len(world.responses()) == 40:
                break
            if runs.running:
                runs.end(runs.running[0])
            for flume in (here, there):
                await flume.rest(steps=12)
            here.clock.advance(0.3)

        assert set(world.statuses().values()) == {"completed"}
        assert len(world.responses()) == 40
        assert runs.most_at_once == 3
        first = runs.started[:24]
        assert 8 <= sum(one[0] == "g" for one in first) <= 16
