"""So many runs of a tenant at once, over all workers; a seat is taken, given back, and never lost."""

from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest

from agents_defs.run_journal import RunPostponed
from schemas.failures import Code, RunFailure
from schemas.times import format_at
from streams.observations import LimitRefused, RunStarted
from streams.policy.caps import Bench
from tests.doubles.flume import Flume, World
from tests.doubles.held_runs import HeldRuns
from tests.doubles.requests import body


def planned(seats: int = 2, **fields: Any) -> World:
    world = World()
    world.plans.put(concurrency={"runs": seats}, **fields)
    return world


def seated(world: World) -> int:
    return world.memory.sitting(Bench("acme"))


async def test_who_finds_no_seat_waits_and_runs_when_a_run_has_ended() -> None:
    world = planned()
    async with Flume(world) as flume:
        flume.write(*(body(f"r-{number}") for number in range(5)), body("other", "somebody"))
        await flume.running("r-0", "r-1", "other")
        await flume.until(lambda: len(flume.parking.lot) == 3)

        await flume.finish("r-1")
        await flume.running("r-0", "r-2", "other")
        await flume.finish("r-0", "r-2")
        await flume.running("r-3", "r-4", "other")
        await flume.finish("r-3", "r-4", "other")
        await flume.settle()

        assert set(world.statuses().values()) == {"completed"}
        assert flume.runs.most_at_once == 3
        assert seated(world) == 0
        assert len(flume.observed.of(RunStarted)) == 6


async def test_who_does_not_want_to_wait_is_refused_with_the_figures() -> None:
    for fields, asked in (({"over_limit": "refuse"}, {}), ({}, {"over_limit": "refuse"})):
        world = planned(1, **fields)
        async with Flume(world) as flume:
            flume.write(body("r-0"), body("r-1", **asked))
            await flume.until(lambda: world.responses("r-1"))  # noqa: B023  called in this turn

            (refused,) = world.responses("r-1")
            assert refused["status"] == "refused"
            assert refused["error"]["code"] == "limit_concurrency"
            assert refused["error"]["retriable"] is True
            assert refused["error"]["retry_after_ms"] == 1000
            assert "1 runs are under way, the plan allows 1" in refused["error"]["message"]
            assert refused["usage"]["model_calls"] == 0


async def test_sessions_keep_their_order_and_their_runs_are_seated_one_by_one() -> None:
    world = planned(1)
    async with Flume(world, HeldRuns(instant=True)) as flume:
        for number in range(4):
            flume.write(body(f"a-{number}", session_id="a"), body(f"b-{number}", session_id="b"))
        await flume.until(lambda: len(world.responses()) == 8)

        assert [one for one in flume.runs.started if one[0] == "a"] == [f"a-{n}" for n in range(4)]
        assert [one for one in flume.runs.started if one[0] == "b"] == [f"b-{n}" for n in range(4)]
        assert flume.runs.most_at_once == 1


async def test_the_seat_of_a_worker_that_died_is_its_successor_s() -> None:
    world = planned(2)
    async with Flume(world) as crashing:
        crashing.write(body("r-0"), body("r-1"), body("r-2"))
        await crashing.running("r-0", "r-1")
        await crashing.until(lambda: len(crashing.parking.lot) == 1)
    assert seated(world) == 0 or seated(world) == 2  # as it could say so, or not

    async with Flume(world) as flume:
        flume.pump()
        await flume.until(lambda: len(flume.runs.running) == 2)
        await flume.rest()
        assert len(flume.runs.running) == 2
        flume.clock.advance(60)
        while len(world.responses()) < 3:
            await flume.until(lambda: flume.runs.running or len(world.responses()) == 3)
            flume.runs.end_all()
            await flume.rest()

        assert set(world.statuses().values()) == {"completed"}
        assert flume.runs.most_at_once == 2
        assert seated(world) == 0


async def test_of_two_workers_neither_goes_beyond_what_both_may() -> None:
    world = planned(2)
    async with Flume(world) as one:
        one.write(body("r-0"), body("r-1"))
        await one.running("r-0", "r-1")
        world.memory.occupy(Bench("acme"), ("acme", "elsewhere", 0), ("acme", "r-1", 0))

        one.write(body("r-2"))
        await one.until(lambda: len(one.parking.lot) == 1)
        await one.finish("r-0")
        await one.rest()
        assert one.runs.running == ["r-1"]

        world.memory.occupy(Bench("acme"))
        one.clock.advance(2)
        await one.running("r-1", "r-2")


async def test_a_run_that_is_parked_gives_its_seat_to_the_next() -> None:
    world = planned(1)
    async with Flume(world) as flume:
        flume.write(body("r-0"), body("r-1"))
        await flume.running("r-0")
        await flume.until(lambda: len(flume.parking.lot) == 1)

        await flume.finish("r-0", verdict=RunPostponed(600.0, RunFailure(Code.MODEL_UNAVAILABLE)))

        await flume.running("r-1")


async def test_who_comes_later_does_not_go_before_who_waits() -> None:
    world = planned(1)
    async with Flume(world) as flume:
        flume.write(body("r-0"), body("r-1"))
        await flume.running("r-0")
        await flume.until(lambda: len(flume.parking.lot) == 1)
        flume.write(body("r-2"))
        await flume.until(lambda: len(flume.parking.lot) == 2)

        await flume.finish("r-0")
        await flume.running("r-1")
        await flume.finish("r-1")

        await flume.running("r-2")
        assert len(flume.observed.of(RunStarted)) == 3


async def test_who_comes_when_a_seat_is_free_does_not_take_it_from_who_was_woken() -> None:
    world = planned(1)
    async with Flume(world) as flume:
        flume.write(body("r-0"), body("r-1"))
        await flume.running("r-0")
        await flume.until(lambda: len(flume.parking.lot) == 1)
        await flume.rest()

        flume.runs.end("r-0")
        await flume.until(lambda: seated(world) == 0)
        flume.pipeline.accept(world.write(body("r-2"))[0], lambda: None)
        await flume.until(lambda: flume.runs.running)

        assert flume.runs.running == ["r-1"]


async def test_more_seats_are_taken_as_soon_as_the_plan_has_them() -> None:
    world = planned(1)
    async with Flume(world) as flume:
        flume.write(*(body(f"r-{number}") for number in range(3)))
        await flume.running("r-0")
        await flume.until(lambda: len(flume.parking.lot) == 2)

        world.plans.put(concurrency={"runs": 3})
        flume.waits.plan_changed("acme")

        await flume.running("r-0", "r-1", "r-2")


async def test_a_request_that_is_cancelled_while_it_waits_for_a_seat_is_answered() -> None:
    world = planned(1)
    async with Flume(world) as flume:
        flume.write(body("r-0"), body("r-1"), body("r-2"))
        await flume.running("r-0")
        await flume.until(lambda: len(flume.parking.lot) == 2)
        flume.command(command="cancel", request_id="r-1")
        await flume.until(lambda: world.responses("r-1"))
        assert world.statuses() == {"r-1": "cancelled"}

        await flume.finish("r-0")

        await flume.running("r-2")


async def test_a_follower_of_a_parked_head_does_not_stand_in_line_for_a_seat() -> None:
    world = planned(1)
    async with Flume(world) as flume:
        flume.write(body("head", session_id="s"))
        await flume.running("head")
        await flume.finish("head", verdict=RunPostponed(600.0, RunFailure(Code.MODEL_UNAVAILABLE)))
        flume.write(body("r-1"))
        await flume.running("r-1")
        flume.write(body("r-2"), body("follower", session_id="s"), body("r-3"))
        await flume.until(lambda: len(flume.parking.lot) == 4)

        for ends, begins in (("r-1", "r-2"), ("r-2", "r-3")):
            await flume.finish(ends)
            await flume.running(begins)


async def test_whoever_waited_for_a_seat_elsewhere_keeps_nobody_from_one_here() -> None:
    world = planned(1)
    async with Flume(world) as flume:
        flume.write(*(body(f"r-{number}") for number in range(4)))
        await flume.running("r-0")
        await flume.until(lambda: len(flume.parking.lot) == 3)

        await flume.own([])

        assert not flume.waits._seekers.any(Bench("acme"))


# -- who does not want to wait


def requests(limit: int) -> list[dict[str, Any]]:
    return [{"what": "requests", "per": "minute", "limit": limit}]


async def test_who_is_refused_a_seat_has_counted_in_no_window() -> None:
    world = planned(1, limits=requests(3), over_limit="refuse")
    async with Flume(world) as flume:
        flume.write(body("r-0"))
        await flume.running("r-0")
        for number in range(10):
            flume.write(body(f"refused-{number}"))
            await flume.until(lambda: len(world.responses()) == number + 1)  # noqa: B023  called in this turn
        await flume.finish("r-0")
        await flume.settle()
        assert {world.statuses()[f"refused-{number}"] for number in range(10)} == {"refused"}
        assert {one["error"]["code"] for one in world.responses() if "error" in one} == {"limit_concurrency"}

        for name in ("r-1", "r-2"):
            flume.write(body(name))
            await flume.finish(name)
            await flume.settle()
        flume.write(body("r-3"))
        await flume.settle()

        assert world.statuses()["r-2"] == "completed"
        assert world.responses("r-3")[0]["error"]["code"] == "limit_requests"


async def test_who_ends_otherwise_while_it_could_be_refused_stays_counted() -> None:
    world = planned(1, limits=requests(2), over_limit="refuse")
    async with Flume(world) as flume:
        flume.write(body("r-0", session_id="s"), body("r-1", session_id="s"))
        await flume.running("r-0")
        flume.command(command="cancel", request_id="r-1")
        await flume.until(lambda: world.responses("r-1"))
        await flume.finish("r-0")
        await flume.settle()

        flume.write(body("r-2"))
        await flume.until(lambda: world.responses("r-2"))

        assert world.responses("r-2")[0]["error"]["code"] == "limit_requests"


@pytest.mark.parametrize("takeover", [False, True])
async def test_who_does_not_want_to_wait_does_not_either_when_it_was_parked_for_something_else(
    takeover: bool,
) -> None:
    world = planned(1, limits=requests(2))
    async with Flume(world) as first:
        later = format_at(first.clock.at() + timedelta(seconds=60))
        first.write(body("late", over_limit="refuse", not_before=later))
        await first.until(lambda: len(first.parking.lot) == 1 and not first.pipeline.held)
        if takeover:
            await first.die()
        async with AsyncExitStack() as stack:
            flume = await stack.enter_async_context(Flume(world)) if takeover else first
            flume.write(body("r-0"))
            await flume.running("r-0")
            flume.clock.advance(61)
            await flume.until(lambda: world.responses("late"))

            (refused,) = world.responses("late")
            assert (refused["status"], refused["error"]["code"]) == ("refused", "limit_concurrency")
            assert refused["usage"]["model_calls"] == 0
            await flume.finish("r-0")
            await flume.settle()
            assert len(flume.parking.lot) == 0
            flume.write(body("r-1"))
            await flume.running("r-1")  # the one that was refused counts no more


@pytest.mark.parametrize("takeover", [False, True])
async def test_a_run_that_began_waits_for_its_seat_when_it_comes_back_for_it_has_paid(takeover: bool) -> None:
    world = planned(1)
    async with Flume(world) as first, AsyncExitStack() as stack:
        flume = first
        flume.write(body("r-0", over_limit="refuse"))
        await flume.running("r-0")
        await flume.rest()
        if takeover:
            world.memory.occupy(Bench("acme"), ("acme", "elsewhere", 0))
            kept = world.memory.copied()
            await first.die()
            world.memory.become(kept)  # as by kill -9, which says nothing
            flume = await stack.enter_async_context(Flume(world))
            flume.pump()
        else:
            await flume.finish("r-0", verdict=RunPostponed(5.0, RunFailure(Code.MODEL_UNAVAILABLE)))
            await flume.until(lambda: len(flume.parking.lot) == 1 and not flume.pipeline.held)
            world.memory.occupy(Bench("acme"), ("acme", "elsewhere", 0))
            flume.clock.advance(6)
        await flume.until(lambda: flume.observed.of(LimitRefused))
        await flume.rest()
        assert world.responses() == []

        world.memory.occupy(Bench("acme"))
        flume.clock.advance(40)
        await flume.finish("r-0")
        await flume.settle()

        assert world.statuses() == {"r-0": "completed"}
