"""Nothing is admitted that the store has not counted: within limits, once per request id, or later."""

import pytest

from streams.observations import LimitRefused, RequestDone, StoreAway
from streams.options import LimitOptions
from tests.doubles.flume import Flume, World
from tests.doubles.held_runs import HeldRuns
from tests.doubles.requests import PARTITIONS, body


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.admission.FIRST_WAIT_S", 0.0001)
    monkeypatch.setattr("streams.admission.LONGEST_WAIT_S", 0.0001)


def limited(world: World | None = None, limit: int = 3) -> Flume:
    return Flume(world, HeldRuns(instant=True), limits=LimitOptions(requests_per_minute=limit))


async def test_as_many_are_admitted_as_the_window_holds_and_the_others_are_told_when() -> None:
    async with limited() as flume:
        flume.write(*(body(f"r-{number}") for number in range(5)))

        await flume.settle()

        statuses = flume.world.statuses()
        assert sorted(statuses.values()) == ["completed"] * 3 + ["refused"] * 2
        (refused,) = flume.world.responses("r-4")
        assert refused["error"]["code"] == "limit_requests"
        assert refused["error"]["retriable"] is True
        assert 60_000 <= refused["error"]["retry_after_ms"] <= 61_000
        assert flume.observed.of(LimitRefused)[0].tenant_id == "acme"
        assert flume.world.dead_letters() == []


async def test_what_a_limit_refused_and_is_read_again_is_refused_once() -> None:
    async with limited(limit=0) as flume:
        flume.outbox.hold()
        flume.write(body("r-1"))
        await flume.until(lambda: flume.observed.of(LimitRefused))
        await flume.own([])
        await flume.own(range(PARTITIONS))
        flume.outbox.let_go()

        await flume.settle()

        assert len(flume.observed.of(LimitRefused)) == 2
        assert [done.code for done in flume.observed.of(RequestDone)] == ["limit_requests"]
        assert len(flume.world.responses("r-1")) == 1


async def test_one_tenant_s_window_is_not_another_s() -> None:
    async with limited() as flume:
        flume.write(*(body(f"r-{number}", tenant) for tenant in ("a", "b", "c") for number in range(3)))

        await flume.settle()

        assert {one["status"] for one in flume.world.responses()} == {"completed"}


async def test_there_is_room_again_when_the_window_has_passed() -> None:
    async with limited() as flume:
        flume.write(*(body(f"r-{number}") for number in range(3)))
        await flume.settle()

        flume.clock.advance(61)
        flume.write(body("later"))
        await flume.settle()

        assert flume.world.statuses()["later"] == "completed"


async def test_what_does_not_run_does_not_count() -> None:
    async with limited() as flume:
        flume.write(b"rubbish", body("x", agent="nobody"), body("r-0"), body("r-0"), body("r-0", input="?"))
        flume.write(body("r-1"), body("r-2"), body("r-3"))

        await flume.settle()

        statuses = flume.world.statuses()
        assert [statuses[f"r-{number}"] for number in range(4)] == ["completed"] * 3 + ["refused"]


async def test_a_request_that_is_delivered_again_counts_once() -> None:
    world = World()
    async with Flume(world, limits=LimitOptions(requests_per_minute=3)) as crashing:
        crashing.write(body("r-0"), body("r-1"))
        await crashing.running("r-0", "r-1")

    async with limited(world) as flume:
        flume.write(body("r-2"), body("r-3"))
        await flume.settle()

        assert world.statuses() == {
            "r-0": "completed",
            "r-1": "completed",
            "r-2": "completed",
            "r-3": "refused",
        }


async def test_without_the_store_nothing_starts_and_with_it_everything_does() -> None:
    async with limited() as flume:
        flume.claims.away = True
        flume.write(body("r-0"), b"rubbish")
        await flume.until(lambda: len(flume.observed.of(StoreAway)) > 3)
        assert flume.world.responses() == []
        assert flume.world.dead_letters() == []

        flume.claims.away = False
        await flume.settle()

        assert flume.world.statuses() == {"r-0": "completed"}
        assert len(flume.world.dead_letters()) == 1
        away, back = flume.observed.of(StoreAway)[0], flume.observed.of(StoreAway)[-1]
        assert (away.back, back.back) == (False, True)


async def test_requests_that_came_while_the_store_was_away_keep_their_order_and_limits() -> None:
    async with limited() as flume:
        flume.claims.away = True
        flume.write(*(body(f"r-{number}") for number in range(5)))
        await flume.rest()

        flume.claims.away = False
        await flume.settle()

        assert [flume.world.statuses()[f"r-{number}"] for number in range(5)] == [
            *["completed"] * 3,
            *["refused"] * 2,
        ]


async def test_an_outcome_waits_until_it_is_remembered(flume: Flume) -> None:
    flume.write(body("r-0"))
    await flume.running("r-0")
    flume.claims.away = True
    await flume.finish("r-0")
    await flume.rest()
    assert flume.lag() == 1

    flume.claims.away = False
    await flume.settle()

    assert flume.lag() == 0
    assert len(flume.world.responses()) == 1


# -- the store and the group say different things of who owns a partition


async def test_a_store_that_lost_whose_a_partition_is_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.admission.LOOK_S", 0.0001)
    async with limited() as flume:
        flume.write(body("r-1"))
        await flume.settle()
        owners = flume.claims.memory.owners
        for partition, (generation, _) in dict(owners).items():
            owners[partition] = (generation - 1, "its predecessor")  # the last write is lost
        flume.write(body("r-2"))

        await flume.settle()

        assert flume.world.statuses() == {"r-1": "completed", "r-2": "completed"}


async def test_whoever_was_frozen_leaves_what_a_later_generation_owns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streams.admission.LOOK_S", 0.0001)
    async with limited() as flume:
        flume.write(body("r-1"))
        await flume.settle()
        owners = flume.claims.memory.owners
        owners.update({one: (held + 1, "its successor") for one, (held, _) in dict(owners).items()})
        flume.write(body("r-2"))
        await flume.until(lambda: flume.pipeline.held)

        await flume.own([])  # the group tells it
        await flume.settle()

        assert flume.world.statuses() == {"r-1": "completed"}
        assert {name for _, name in owners.values()} == {"its successor"}
