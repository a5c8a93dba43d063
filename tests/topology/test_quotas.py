"""Quotas of a calendar month: never overrun, counted once, begun anew at midnight where the tenant is."""

from datetime import datetime, timedelta
from typing import Any

from agents_defs.run_journal import RunPostponed
from agents_defs.run_order import Foreseen
from schemas.failures import Code, RunFailure
from schemas.times import format_at, parse_at
from streams.parked import ParkReason
from streams.policy.months import month_of, period_of
from tests.doubles.flume import Flume, World
from tests.doubles.held_runs import HeldRuns
from tests.doubles.requests import body
from tests.topology.test_spending import LONG, USED, Greedy

RESERVED = 1100  # by a run of LONG before its first call


def quota(world: World, over_limit: str = "refuse", **figures: Any) -> None:
    world.plans.put(limits=[], over_limit=over_limit, quota=figures)


def ends(now: datetime, time_zone: str = "UTC") -> datetime:
    return period_of(month_of(now, time_zone), time_zone).end


def counted(world: World, what: str) -> dict[int, int]:
    """What of it counts in each month."""
    return {
        number: n
        for place, state in world.memory.windows.items()
        if place[1] == what
        for number, n in state.buckets.items()
        if n
    }


async def finished(flume: Flume, *names: str) -> None:
    flume.write(*(body(name, input=LONG) for name in names))
    await flume.settle()


async def test_runs_beyond_the_months_quota_are_refused_until_the_next_month() -> None:
    world = World()
    quota(world, runs=2)
    async with Flume(world, HeldRuns(instant=True)) as flume:
        await finished(flume, "r-1", "r-2", "r-3")

        assert world.statuses() == {"r-1": "completed", "r-2": "completed", "r-3": "refused"}
        error = world.responses("r-3")[0]["error"]
        left = ends(flume.clock.at()) - flume.clock.at()
        assert error["code"] == "quota_runs"
        assert error["retriable"] is True
        assert abs(error["retry_after_ms"] - left / timedelta(milliseconds=1)) < 1000
        assert "the month's quota of 2 runs does not allow it (2 runs used or held)" in error["message"]

        flume.clock.advance(left.total_seconds() + 1)
        await finished(flume, "r-4")

        assert world.statuses()["r-4"] == "completed"


async def test_the_month_ends_where_the_tenant_is() -> None:
    world = World()
    quota(world, runs=1, time_zone="Pacific/Kiritimati")
    async with Flume(world, HeldRuns(instant=True)) as flume:
        await finished(flume, "r-1")
        flume.clock.advance(
            (ends(flume.clock.at(), "Pacific/Kiritimati") - flume.clock.at()).total_seconds() + 1
        )
        assert flume.clock.at() < ends(flume.clock.at())  # it is the old month still in Greenwich

        await finished(flume, "r-2")

        assert world.statuses() == {"r-1": "completed", "r-2": "completed"}


async def test_tokens_count_as_they_were_used_and_a_burst_cannot_use_more() -> None:
    world = World()
    quota(world, tokens=2 * RESERVED)
    async with Flume(world) as flume:
        flume.write(*(body(f"r-{number}", input=LONG) for number in range(5)))
        await flume.until(lambda: len(flume.runs.running) == 2 and len(world.responses()) == 3)
        assert {one["error"]["code"] for one in world.responses()} == {"quota_tokens"}

        for name in list(flume.runs.running):
            await flume.finish(name)
        await flume.settle()

        assert sum(counted(world, "tokens").values()) == 2 * USED


async def test_an_overdraft_is_told_apart_from_the_quota() -> None:
    world = World()
    quota(world, runs=2, overdraft=0.5)
    async with Flume(world, HeldRuns(instant=True)) as flume:
        await finished(flume, "r-1", "r-2", "r-3", "r-4")

        assert [world.statuses()[f"r-{number}"] for number in (1, 2, 3, 4)] == ["completed"] * 3 + ["refused"]
        assert (
            "quota of 2 runs (3 runs with its overdraft) does not allow it"
            in (world.responses("r-4")[0]["error"]["message"])
        )


async def test_who_waits_for_the_next_month_runs_then() -> None:
    world = World()
    quota(world, "wait", runs=1)
    async with Flume(world, HeldRuns(instant=True)) as flume:
        await finished(flume, "r-1", "r-2")
        waiting = flume.waits.find(("acme", "r-2"))
        assert waiting is not None
        assert waiting.reason is ParkReason.WINDOW

        flume.clock.advance((ends(flume.clock.at()) - flume.clock.at()).total_seconds() + 1)
        await flume.until(lambda: world.responses("r-2"))

        assert world.statuses() == {"r-1": "completed", "r-2": "completed"}
        assert sorted(counted(world, "runs").values()) == [1, 1]
        (answer,) = world.responses("r-2")
        assert parse_at(answer["admitted_at"]) >= ends(parse_at(world.responses("r-1")[0]["admitted_at"]))


async def test_what_never_ran_is_given_back() -> None:
    world = World()
    quota(world, runs=5, tokens=10_000)
    async with Flume(world) as flume:
        await world.plans.pause("acme", True)
        flume.write(body("r-1", input=LONG, deadline=None))
        await flume.until(lambda: len(flume.parking.lot) == 1 and not flume.pipeline.held)
        assert sum(counted(world, "runs").values()) == 1

        flume.command(command="cancel", request_id="r-1")
        await flume.until(lambda: world.responses("r-1"))
        await flume.settle()

        assert world.statuses() == {"r-1": "cancelled"}
        assert counted(world, "runs") == {}
        assert counted(world, "tokens") == {}


async def test_a_run_counts_once_however_often_its_worker_dies() -> None:
    world = World()
    quota(world, runs=2, tokens=50_000)
    for _ in range(3):
        async with Flume(world) as crashing:
            if not world.requests:
                crashing.write(body("r-1", input=LONG))
            crashing.pump()
            await crashing.running("r-1")

    async with Flume(world) as flume:
        flume.pump()
        await flume.running("r-1")
        await flume.finish("r-1")
        await flume.settle()

        assert sum(counted(world, "runs").values()) == 1


async def test_a_run_that_goes_on_in_the_next_month_counts_there_what_it_asks_for_there() -> None:
    world = World()
    quota(world, "wait", tokens=1200)
    async with Flume(world, Greedy(1180)) as flume:
        flume.write(body("r-1", input=LONG))
        await flume.until(lambda: len(flume.parking.lot) == 1 and not flume.pipeline.held)
        (before,) = counted(world, "tokens")

        flume.runs.further = 900
        flume.clock.advance((ends(flume.clock.at()) - flume.clock.at()).total_seconds() + 1)
        await flume.until(lambda: world.responses("r-1"))
        await flume.settle()

        assert world.statuses() == {"r-1": "completed"}
        assert counted(world, "tokens") == {before: USED, before + 1: USED}  # one call in each


async def test_a_model_without_a_price_runs_although_the_months_cost_is_used_up() -> None:
    class Free(HeldRuns):
        def foresee(self, *_: Any) -> Foreseen:
            """Tokens are known, the cost is not."""
            return Foreseen(1000, None)

    world = World()
    quota(world, cost_usd="0")
    async with Flume(world, Free(instant=True)) as flume:
        await finished(flume, "r-1")

        assert world.statuses() == {"r-1": "completed"}


async def test_when_it_was_admitted_is_told_though_it_waits_again_and_its_worker_dies() -> None:
    world = World()
    quota(world, "wait", runs=1)
    async with Flume(world, HeldRuns(instant=True)) as flume:
        await finished(flume, "r-1", "r-2")
        flume.clock.advance((ends(flume.clock.at()) - flume.clock.at()).total_seconds() + 1)
        admitted = flume.clock.at()
        flume.runs.instant = False
        await flume.running("r-2")
        await flume.finish("r-2", verdict=RunPostponed(600.0, RunFailure(Code.MODEL_UNAVAILABLE)))
        await flume.until(lambda: len(flume.parking.lot) == 1 and not flume.pipeline.held)
    async with Flume(world, HeldRuns(instant=True)) as after:
        after.clock.advance((admitted - after.clock.at()).total_seconds() + 700)
        await after.until(lambda: world.responses("r-2"))

        assert parse_at(world.responses("r-2")[0]["admitted_at"]) == admitted


async def test_who_is_refused_a_seat_has_used_no_run() -> None:
    world = World()
    world.plans.put(limits=[], quota={"runs": 3}, concurrency={"runs": 1}, over_limit="refuse")
    async with Flume(world) as flume:
        flume.write(body("r-1"))
        await flume.running("r-1")
        flume.write(body("r-2"), body("r-3"))
        await flume.until(lambda: len(world.responses()) == 2)
        assert {one["error"]["code"] for one in world.responses()} == {"limit_concurrency"}

        await flume.finish("r-1")
        await flume.settle()

        assert sum(counted(world, "runs").values()) == 1


async def test_who_runs_later_counts_when_it_comes() -> None:
    world = World()
    quota(world, runs=2)
    async with Flume(world, HeldRuns(instant=True)) as flume:
        later = format_at(flume.clock.at() + timedelta(days=40))
        for number in range(4):
            flume.write(body(f"r-{number}", not_before=later))
        await flume.until(lambda: len(flume.parking.lot) == 2 and len(world.responses()) == 2)
        assert {one["error"]["code"] for one in world.responses()} == {"quota_runs"}
        assert all("admitted_at" not in one for one in world.responses())

        flume.clock.advance(timedelta(days=40).total_seconds() + 1)
        await flume.until(lambda: len(world.responses()) == 4)

        assert sorted(world.statuses().values()) == ["completed", "completed", "refused", "refused"]
        assert list(counted(world, "runs").values()) == [2]


async def test_a_quota_beyond_all_measure_stops_nobody_else() -> None:
    world = World()
    world.plans.put(limits=[], quota={"tokens": 2**64 - 1}, max_output_tokens=10**19)
    async with Flume(world, HeldRuns(instant=True)) as flume:
        flume.write(body("r-1"), body("r-2", "other"))
        await flume.settle()

        assert world.statuses() == {"r-1": "refused", "r-2": "completed"}
        assert world.responses("r-1")[0]["error"]["retriable"] is False
