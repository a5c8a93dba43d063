"""Tokens and cost: held before each model call, settled by what was used, right after crashes and waits."""

from datetime import timedelta
from typing import Any

import pytest

from agents_defs.run_journal import RunPostponed
from agents_defs.run_order import Foreseen, RunListener, RunOrder, RunResult
from schemas.failures import Code, RunFailure
from schemas.times import format_at
from streams.observations import LimitRefused
from streams.parked import ParkReason
from streams.policy.caps import Bench
from tests.doubles.flume import Flume, World
from tests.doubles.held_runs import HeldRuns
from tests.doubles.requests import body

LONG = "x" * 400  # with an answer of at most a thousand that is 1100 tokens
USED = 27  # by the one call of a run of the double


def limit(what: str, most: Any, per: str = "day", **more: Any) -> dict[str, Any]:
    return {"what": what, "per": per, "limit": most, **more}


class Greedy(HeldRuns):
    """Before it ends, each run asks for so much more."""

    def __init__(self, further: int) -> None:
        super().__init__(instant=True)
        self.further = further

    async def run(self, order: RunOrder, listener: RunListener) -> RunResult:
        """Its one call, and then the next that it may not be allowed."""
        result = await super().run(order, listener)
        paid = sum(call.input_tokens + call.output_tokens for call in (*order.paid, *result.calls))
        if order.allowance is not None:
            await order.allowance(Foreseen(paid + self.further, None), Foreseen(paid, None))
        return result


async def test_what_a_run_used_takes_the_place_of_what_it_reserved() -> None:
    world = World()
    world.plans.put(limits=[limit("tokens", 1200), limit("cost_usd", "0.02")])
    async with Flume(world, HeldRuns(instant=True)) as flume:
        for number in range(4):
            flume.write(body(f"r-{number}", input=LONG))
            await flume.settle()

        # 27 tokens each: the fifth finds 108 of 1200, and asks for 1100.
        flume.write(body("r-4", input=LONG))
        await flume.settle()

        assert list(world.statuses().values()) == ["completed"] * 4 + ["refused"]
        error = world.responses("r-4")[0]["error"]
        assert error["code"] == "limit_tokens"
        assert "(108 tokens used, 1100 tokens asked for)" in error["message"]


async def test_a_run_whose_next_call_has_no_room_is_refused_with_the_code_and_keeps_its_usage() -> None:
    world = World()
    world.plans.put(limits=[limit("tokens", 3000)])
    async with Flume(world, Greedy(2000)) as flume:
        flume.write(body("r-1", input=LONG))
        await flume.settle()
        flume.write(body("r-2", input=LONG))
        await flume.settle()

        assert world.statuses() == {"r-1": "completed", "r-2": "completed"}

    async with Flume(world, Greedy(2960)) as flume:
        flume.write(body("r-3", input=LONG))
        await flume.settle()

        (refused,) = world.responses("r-3")
        assert refused["status"] == "refused"
        assert refused["error"]["code"] == "limit_tokens"
        assert refused["error"]["retriable"] is True
        assert refused["usage"]["model_calls"] == 1
        assert world.dead_letters() == []


async def test_a_run_that_waits_for_room_holds_only_what_it_used_and_goes_on_when_there_is() -> None:
    world = World()
    world.plans.put(limits=[limit("tokens", 1200, "minute")], over_limit="wait")
    async with Flume(world, Greedy(1180)) as flume:
        flume.write(body("r-1", input=LONG))
        await flume.until(lambda: len(flume.parking.lot) == 1 and not flume.pipeline.held)

        waiting = flume.waits.find(("acme", "r-1"))
        assert waiting is not None
        assert waiting.reason is ParkReason.WINDOW
        assert sum(sum(one.buckets.values()) for one in world.memory.windows.values()) == USED
        assert world.responses() == []

        flume.runs.further = 900
        flume.clock.advance(62)
        await flume.until(lambda: world.responses("r-1"))

        assert world.statuses() == {"r-1": "completed"}


async def test_a_run_that_waits_for_room_is_expired_at_its_deadline() -> None:
    world = World()
    world.plans.put(limits=[limit("tokens", 1200)], over_limit="wait")
    async with Flume(world, Greedy(1180)) as flume:
        deadline = format_at(flume.clock.at() + timedelta(seconds=300))
        flume.write(body("r-1", input=LONG, deadline=deadline))
        await flume.until(lambda: len(flume.parking.lot) == 1 and not flume.pipeline.held)

        flume.clock.advance(301)
        await flume.until(lambda: world.responses("r-1"))

        assert world.statuses() == {"r-1": "expired"}


async def test_what_a_dead_run_reserved_counts_once_whoever_goes_on() -> None:
    world = World()
    world.plans.put(limits=[limit("tokens", 5000)])
    for _ in range(3):
        async with Flume(world) as crashing:
            if not world.requests:
                crashing.write(body("r-1", input=LONG))
            crashing.pump()
            await crashing.running("r-1")

    async with Flume(world) as flume:
        flume.pump()
        await flume.running("r-1")
        reserved = sum(sum(one.buckets.values()) for one in world.memory.windows.values())
        assert reserved <= 1100 + 3 * USED
        await flume.finish("r-1")
        await flume.settle()

        counted = sum(sum(one.buckets.values()) for one in world.memory.windows.values())
        assert counted == 4 * USED  # each attempt of the double pays for a call


async def test_tenants_without_such_limits_ask_for_nothing() -> None:
    world = World()
    world.plans.put(limits=[limit("requests", 100)])
    async with Flume(world, HeldRuns(instant=True)) as flume:
        flume.write(body("r-1"), body("r-2", "other"))
        await flume.settle()

        assert [order.allowance for order in flume.runs.orders] == [None, None]
        assert world.memory.held == {}


@pytest.mark.parametrize("asked", [300, 1500])
async def test_a_run_gets_what_its_plan_says_of_its_calls(asked: int) -> None:
    world = World()
    world.plans.put(max_output_tokens=asked, tools=["lookup_order"], mcp_servers=[])
    async with Flume(world, HeldRuns(instant=True)) as flume:
        flume.write(body("r-1"))
        await flume.settle()

        (order,) = flume.runs.orders
        assert (order.max_output_tokens, order.tools, order.mcp_servers) == (asked, ("lookup_order",), ())


async def test_who_runs_tomorrow_reserves_tomorrow() -> None:
    world = World()
    world.plans.put(limits=[limit("tokens", 1200), limit("requests", 2)])
    async with Flume(world) as flume:
        flume.write(body("later", input=LONG, not_before=format_at(flume.clock.at() + timedelta(days=2))))
        await flume.until(lambda: len(flume.parking.lot) == 1 and not flume.pipeline.held)
        assert world.memory.held == {}
        assert [sum(one.buckets.values()) for one in world.memory.windows.values()] == [1]

        flume.clock.advance(2 * 86_400 + 1)
        await flume.running("later")

        assert sum(held.total for held in world.memory.held["acme", "later", 0].values()) == 1100


async def test_who_comes_back_from_parking_is_covered_by_what_it_asks_for_then() -> None:
    world = World()
    world.plans.put(limits=[limit("tokens", 1200)])
    async with Flume(world) as flume:
        flume.write(body("later", input=LONG, not_before=format_at(flume.clock.at() + timedelta(hours=2))))
        await flume.until(lambda: len(flume.parking.lot) == 1 and not flume.pipeline.held)
        flume.write(body("now", input=LONG))
        await flume.running("now")

        flume.clock.advance(7201)
        await flume.until(lambda: world.responses("later"))

        assert world.responses("later")[0]["error"]["code"] == "limit_tokens"


async def test_what_waited_longer_than_its_window_is_counted_when_it_runs() -> None:
    world = World()
    world.plans.put(limits=[limit("tokens", 1200, "minute")])
    async with Flume(world) as flume:
        await world.plans.pause("acme", True)
        flume.write(body("r-1", input=LONG))
        await flume.until(lambda: len(flume.parking.lot) == 1 and not flume.pipeline.held)
        flume.clock.advance(3600)
        await world.plans.pause("acme", False)
        await flume.running("r-1")

        flume.write(body("r-2", input=LONG))
        await flume.until(lambda: world.responses("r-2"))

        assert world.statuses() == {"r-2": "refused"}


async def test_what_was_used_stays_counted_while_a_run_that_comes_back_waits_for_a_seat() -> None:
    world = World()
    world.plans.put(limits=[limit("tokens", 5000)], concurrency={"runs": 1})
    async with Flume(world) as flume:
        flume.write(body("r-1", input=LONG))
        await flume.running("r-1")
        await flume.finish("r-1", verdict=RunPostponed(600.0, RunFailure(Code.MODEL_UNAVAILABLE)))
        await flume.until(lambda: len(flume.parking.lot) == 1 and not flume.pipeline.held)
        world.memory.occupy(Bench("acme"), ("acme", "elsewhere", 0))

        flume.clock.advance(601)
        await flume.until(lambda: flume.observed.of(LimitRefused))
        await flume.rest()

        assert sum(sum(one.buckets.values()) for one in world.memory.windows.values()) == USED
