"""A tenant that floods delays nobody but itself: what is beyond its buffer waits outside, in order."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from agents_defs.run_journal import RunPostponed
from schemas.failures import Code, RunFailure
from schemas.tenants import TenantPlan
from streams.observations import RequestParked
from streams.options import LimitOptions
from streams.pacing import GoOn
from streams.parked import ParkReason
from tests.doubles.flume import Flume, World
from tests.doubles.held_runs import HeldRuns
from tests.doubles.memory_outbox import NAMES
from tests.doubles.requests import body, partition_of, tenants_on

FLOOD = "acme"
HERE = partition_of(FLOOD)
NO_LIMIT = LimitOptions(requests_per_minute=1_000_000)
OTHERS = [tenant for tenant in tenants_on(HERE, 12) if tenant != FLOOD][:9]


def flood(count: int, first: int = 0, **more: Any) -> list[dict[str, Any]]:
    return [body(f"flood-{number}", FLOOD, **more) for number in range(first, first + count)]


def worker(world: World | None = None, runs: HeldRuns | None = None, **flow: Any) -> Flume:
    return Flume(world, runs or HeldRuns(), limits=NO_LIMIT, **({"max_in_flight": 4, "max_held": 20} | flow))


async def end_all(flume: Flume, answers: int) -> None:
    while len(flume.world.log.emissions(NAMES.responses)) < answers:
        flume.runs.end_all()
        await flume.rest(steps=8)


def left_parked(world: World) -> int:
    latest = {(one.partition, one.key): one.value for one in world.log.emissions(NAMES.parked)}
    return sum(value is not None for value in latest.values())


def of_flood(started: Sequence[str]) -> list[int]:
    return [int(one.removeprefix("flood-")) for one in started if one.startswith("flood-")]


async def test_nobody_of_a_partition_waits_behind_more_of_a_flood_than_its_buffer() -> None:
    async with worker(max_in_flight=10, max_held=200) as flume:
        flume.write(*flood(5_000))
        await flume.until(lambda: len(flume.runs.running) == 10)
        flume.world.write(*(body(f"{tenant}/{number}", tenant) for number in range(3) for tenant in OTHERS))
        while flume.position[HERE] < 5_027:  # all is read while no run ends
            await flume.rest()
        await flume.rest()
        before = len(flume.runs.started)

        await end_all(flume, 200)

        begun = flume.runs.started[before:]
        last = max(begun.index(f"{tenant}/2") for tenant in OTHERS)
        assert len(of_flood(begun[:last])) <= len(OTHERS) * 3  # no more than one before each of theirs
        flume.runs.instant = True
        await end_all(flume, 5_027)
        await flume.settle()
        assert of_flood(flume.runs.started) == list(range(5_000))
        assert flume.lag() == 0
        assert left_parked(flume.world) == 0
        assert flume.parking.lot.overflow.tenants() == []


async def test_what_is_beyond_the_buffer_holds_no_offset() -> None:
    async with worker() as flume:
        flume.write(*flood(100))

        await flume.until(lambda: left_parked(flume.world) >= 80)
        await flume.rest()

        assert flume.position[HERE] == 100
        assert flume.pipeline.held <= 20
        assert {one.reason for one in flume.observed.of(RequestParked)} == {ParkReason.OVERFLOW}


async def test_a_tenant_alone_has_every_slot() -> None:
    async with worker(max_in_flight=50, max_held=60) as flume:
        flume.write(*flood(50))

        await flume.until(lambda: len(flume.runs.running) == 50)

        assert left_parked(flume.world) == 0


async def test_sessions_of_a_flood_stay_in_order() -> None:
    async with worker(max_in_flight=2, max_held=10) as flume:
        asked = [body(f"flood-{number}", FLOOD, session_id=f"s-{number % 3}") for number in range(60)]
        flume.write(*asked)

        while len(flume.world.responses()) < 60:
            assert len({one.request_id for one in flume.runs.orders} & set(flume.runs.running)) <= 2
            flume.runs.end_all()
            await flume.rest(steps=8)

        for session in range(3):
            mine = [number for number in of_flood(flume.runs.started) if number % 3 == session]
            assert mine == list(range(session, 60, 3))
        assert left_parked(flume.world) == 0


async def test_what_comes_while_the_first_are_outside_goes_behind_them() -> None:
    async with worker(max_in_flight=1, max_held=41) as flume:
        flume.write(*flood(60))
        while left_parked(flume.world) < 49:
            await flume.rest()

        for number in range(60, 70):
            flume.runs.end_all()
            await flume.rest(steps=20)
            flume.write(*flood(1, number))
            await flume.rest(steps=20)
        await end_all(flume, 70)

        assert of_flood(flume.runs.started) == list(range(70))
        assert len(flume.observed.of(RequestParked)) >= 59


async def test_slots_that_others_leave_are_filled_from_outside_while_none_of_the_flood_ends() -> None:
    async with worker(max_in_flight=20, max_held=28) as flume:
        others = [body(f"{tenant}/{number}", tenant) for tenant in OTHERS for number in range(2)]
        flume.write(*others)
        await flume.until(lambda: len(flume.runs.running) == 18)
        flume.write(*flood(60))
        await flume.until(lambda: left_parked(flume.world) >= 54)
        await flume.rest()

        flume.runs.end_all([one["request_id"] for one in others])

        await flume.until(lambda: len(of_flood(flume.runs.running)) == 20)


async def test_an_interactive_request_goes_before_its_tenant_s_batch_also_where_both_are_outside() -> None:
    async with worker(max_in_flight=1, max_held=5) as flume:
        flume.write(*flood(30, priority="batch"))
        await flume.until(lambda: left_parked(flume.world) >= 20)
        flume.write(body("urgent", FLOOD, priority="interactive"))
        await flume.rest()
        before = len(flume.runs.started)

        await end_all(flume, 31)

        assert flume.runs.started.index("urgent") - before <= 5


async def test_weights_decide_how_much_of_a_full_worker_a_tenant_has() -> None:
    heavy, light = OTHERS[:2]
    async with worker(max_held=60) as flume:
        flume.world.plans.plans[heavy] = TenantPlan(tenant_id=heavy, weight=3)
        flume.write(
            *(body(f"{tenant}/{number}", tenant) for number in range(120) for tenant in (heavy, light))
        )
        await flume.until(lambda: len(flume.runs.running) == 4)

        await end_all(flume, 120)

        begun = flume.runs.started[20:100]
        share = sum(one.startswith(heavy) for one in begun) / len(begun)
        assert share == pytest.approx(0.75, abs=0.06)
        await end_all(flume, 240)


@pytest.mark.parametrize("session", [None, "s"])
@pytest.mark.parametrize("answered", [0, 1, 9, 30])
async def test_a_takeover_loses_nothing_and_keeps_the_order(session: str | None, answered: int) -> None:
    more: dict[str, Any] = {} if session is None else {"session_id": session}
    async with worker(max_in_flight=1, max_held=6) as flume:
        flume.write(*flood(60, **more), body("other", OTHERS[0]))
        while len(flume.world.responses()) < answered:
            flume.runs.end_all()
            await flume.rest(steps=3)
        await flume.die()

        async with worker(flume.world, max_in_flight=1, max_held=6) as other:
            other.write(*flood(20, 60, **more))
            await end_all(other, 81)
            await other.settle()

            seen = of_flood([one["request_id"] for one in other.world.responses()])
            assert seen == sorted(set(seen)) == list(range(80))
            assert other.lag() == 0
            assert left_parked(other.world) == 0


async def test_a_flood_outside_ends_by_deadline_and_by_cancel() -> None:
    async with worker(max_in_flight=1, max_held=5) as flume:
        flume.write(*flood(20))
        await flume.until(lambda: left_parked(flume.world) >= 14)

        flume.command(FLOOD, command="cancel", request_id="flood-19")
        await flume.until(lambda: flume.world.responses("flood-19"))
        await end_all(flume, 20)

        assert flume.world.statuses()["flood-19"] == "cancelled"
        assert of_flood(flume.runs.started) == list(range(19))
        assert left_parked(flume.world) == 0


async def paused_flood(flume: Flume) -> None:
    """Twenty of a tenant that is paused: two were in memory and end, the others are outside."""
    flume.write(*flood(20))
    await flume.until(lambda: left_parked(flume.world) == 18)
    await flume.rest()
    await flume.world.plans.pause(FLOOD, True)
    read = flume.bodies.fetched
    await end_all(flume, 2)
    await flume.rest()
    assert (flume.runs.running, flume.bodies.fetched, flume.lag()) == ([], read, 0)


async def test_the_overflow_of_a_paused_tenant_stays_outside_until_it_is_resumed() -> None:
    async with worker(max_in_flight=1, max_held=5) as flume:
        await paused_flood(flume)

        await flume.world.plans.pause(FLOOD, False)
        await end_all(flume, 20)

        assert of_flood(flume.runs.started) == list(range(20))
        await flume.settle()
        assert left_parked(flume.world) == 0


async def test_an_overflow_is_let_in_by_the_next_owner_though_nothing_of_the_tenant_comes() -> None:
    async with worker(max_in_flight=1, max_held=5) as flume:
        await paused_flood(flume)
        await flume.die()
        await flume.world.plans.pause(FLOOD, False)

        async with worker(flume.world, max_in_flight=1, max_held=5) as other:
            await end_all(other, 20)

            assert of_flood(other.runs.started) == list(range(2, 20))


async def test_the_next_owner_starts_nothing_of_the_overflow_before_what_is_read_again() -> None:
    async with worker(max_in_flight=4, max_held=12) as flume:
        flume.write(*flood(40))
        await flume.until(lambda: left_parked(flume.world) >= 32)
        await flume.rest()
        await flume.die()

        async with worker(flume.world, max_in_flight=4, max_held=12) as other:
            other.pipeline.register.room.clear()  # intake is slow
            await other.rest()
            assert other.runs.started == []
            other.pipeline.register.room.set()
            await end_all(other, 40)

            assert of_flood(other.runs.started) == list(range(40))


async def test_what_is_due_in_its_thousands_waits_for_room_too() -> None:
    postponed = RunPostponed(30, RunFailure(Code.MODEL_UNAVAILABLE))
    async with worker(max_in_flight=4, max_held=20) as flume:
        flume.write(*flood(60))
        for _ in range(400):
            if len(flume.runs.started) >= 60:
                break
            for one in list(flume.runs.running):
                flume.runs.end(one, postponed)
            await flume.rest(steps=8)
        for one in list(flume.runs.running):
            flume.runs.end(one, postponed)
        await flume.rest()

        flume.clock.advance(31)
        await flume.rest()
        flume.write(body("other", OTHERS[0]))
        await flume.rest()
        await end_all(flume, 20)

        assert "other" in flume.world.statuses()
        await end_all(flume, 61)
        await flume.settle()
        assert left_parked(flume.world) == 0


def in_lanes(flume: Flume, request_id: str) -> bool:
    entry = flume.pipeline.register.find((FLOOD, request_id))
    return entry is not None and entry.queued


async def test_whoever_ends_in_its_lane_makes_room_for_those_outside() -> None:
    async with worker(max_in_flight=1, max_held=5) as flume:
        flume.write(body("other", OTHERS[0]))
        await flume.until(lambda: flume.runs.running == ["other"])
        flume.write(*flood(10))
        await flume.until(lambda: flume.parking.lot.overflow.holds(FLOOD))
        await flume.rest()
        inside = [one for one in (f"flood-{number}" for number in range(10)) if in_lanes(flume, one)]
        for request_id in inside:
            flume.command(command="cancel", request_id=request_id, tenant_id=FLOOD)
        await flume.until(lambda: len(flume.world.responses()) == len(inside))

        flume.runs.instant = True
        await flume.finish("other")
        await flume.settle()

        assert inside
        assert len(flume.world.responses()) == 11
        assert not flume.parking.lot.overflow.holds(FLOOD)


class Full:
    """The loop keeps up with so many runs."""

    def __init__(self, runs: int) -> None:
        self.runs = runs

    def allows(self, running: int) -> bool:
        """No more than these."""
        return running < self.runs

    def began(self, _go_on: GoOn, *, prompt: bool) -> None:
        """It never keeps up with more."""


async def test_a_loop_that_is_full_holds_back_who_floods_and_nobody_else() -> None:
    async with worker(max_in_flight=20, max_held=100) as flume:
        flume.pipeline._stages = replace(flume.pipeline._stages, pace=Full(4))  # type: ignore[misc]
        flume.write(*flood(30))
        await flume.until(lambda: len(flume.runs.running) == 4)
        flume.world.write(*(body(f"{tenant}/1", tenant) for tenant in OTHERS))

        await flume.until(lambda: len(flume.runs.running) == 4 + len(OTHERS))

        await flume.rest()
        assert len(of_flood(flume.runs.started)) == 4
