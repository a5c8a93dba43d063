"""A store that was emptied under a worker: nobody has its limit twice, and who has none does not notice."""

from collections import Counter
from typing import Any

from streams.policy.windows import Window
from streams.window_keeper import KnownWindow
from tests.doubles.flume import Flume, World
from tests.doubles.held_runs import HeldRuns
from tests.doubles.memory_claims import ClaimMemory
from tests.doubles.memory_windows import MemoryWindows
from tests.doubles.requests import body, partition_of

DAY = Window(20, "day")
LIMITS = [{"what": "requests", "per": "day", "limit": 20}]
TOLD_S = 6.0


def limited() -> Flume:
    world = World()
    world.plans.put("acme", limits=LIMITS)
    world.plans.put("globex", limits=[])
    return Flume(world, HeldRuns(instant=True))


def outcomes(flume: Flume, prefix: str) -> Counter[str]:
    return Counter(one["status"] for one in flume.world.responses() if one["request_id"].startswith(prefix))


async def used_15_and_emptied(flume: Flume) -> None:
    flume.write(*(body(f"a-{number}") for number in range(15)))
    await flume.settle()
    assert outcomes(flume, "a-") == {"completed": 15}
    flume.world.memory.become(ClaimMemory())


async def books_tell(flume: Flume, used: int) -> None:
    """What the books do, once they have counted all of it."""
    partition, store = partition_of("acme"), MemoryWindows(flume.world.memory)
    since_ms = (await store.gaps([partition]))[partition]
    known = KnownWindow("acme", "requests", DAY, "", False, {DAY.bucket(since_ms): used})
    await store.refill(partition, since_ms, [known])
    await store.told(partition, since_ms)


def why(flume: Flume, prefix: str) -> list[dict[str, Any]]:
    return [
        one["error"]
        for one in flume.world.responses()
        if one["request_id"].startswith(prefix) and one["status"] == "refused"
    ]


async def test_before_the_books_have_told_whoever_has_a_limit_is_refused_for_a_while() -> None:
    async with limited() as flume:
        await used_15_and_emptied(flume)

        flume.write(*(body(f"b-{number}") for number in range(3)))
        await flume.settle()

        assert outcomes(flume, "b-") == {"refused": 3}
        assert {one["code"] for one in why(flume, "b-")} == {"limit_requests"}
        assert all(0 < one["retry_after_ms"] <= 5000 for one in why(flume, "b-"))


async def test_who_has_no_limit_goes_on() -> None:
    async with limited() as flume:
        await used_15_and_emptied(flume)

        flume.write(*(body(f"g-{number}", "globex") for number in range(3)))
        await flume.settle()

        assert outcomes(flume, "g-") == {"completed": 3}


async def test_when_the_books_have_told_exactly_what_was_left_is_admitted() -> None:
    async with limited() as flume:
        await used_15_and_emptied(flume)
        flume.write(body("first"))
        await flume.settle()

        await books_tell(flume, 15)
        flume.write(*(body(f"b-{number}") for number in range(20)))
        await flume.settle()

        assert outcomes(flume, "first") == {"refused": 1}
        assert outcomes(flume, "b-") == {"completed": 5, "refused": 15}


async def test_who_waits_for_room_waits_for_the_books_and_goes_on_soon_after() -> None:
    async with limited() as flume:
        await used_15_and_emptied(flume)
        flume.write(*(body(f"b-{number}", over_limit="wait") for number in range(6)))
        await flume.until(lambda: len(flume.parking.lot) == 6)
        assert outcomes(flume, "b-") == {}

        await books_tell(flume, 15)
        flume.clock.advance(TOLD_S)
        await flume.until(lambda: outcomes(flume, "b-") == {"completed": 5})
        await flume.rest()

        assert outcomes(flume, "b-") == {"completed": 5}
        assert len(flume.parking.lot) == 1


async def test_a_worker_that_ended_with_the_store_leaves_the_gap_to_its_successor() -> None:
    async with limited() as flume:
        await used_15_and_emptied(flume)
        world = flume.world

    async with Flume(world, HeldRuns(instant=True)) as successor:
        successor.write(body("b-1"))
        await successor.settle()

        assert outcomes(successor, "b-") == {"refused": 1}


async def test_what_is_under_way_counts_although_no_book_knows_of_it() -> None:
    world = World()
    world.plans.put("acme", limits=[*LIMITS, {"what": "tokens", "per": "day", "limit": 1_000_000}])
    async with Flume(world) as flume:
        flume.write(*(body(f"u-{number}") for number in range(4)))
        await flume.until(lambda: len(flume.runs.running) == 4)
        flume.world.memory.become(ClaimMemory())
        flume.write(body("first"))
        await flume.until(lambda: outcomes(flume, "first") == {"refused": 1})

        await books_tell(flume, 15)
        flume.write(body("b-0"), body("b-1"))
        await flume.until(lambda: outcomes(flume, "b-") == {"refused": 1})

        assert len(flume.runs.running) == 5
        window = flume.world.memory.windows["acme", "tokens", "day", "", None]
        assert sum(window.buckets.values()) > 0


async def test_what_is_parked_counts_as_well_also_for_a_worker_that_comes_later() -> None:
    world = World()
    world.plans.put("acme", limits=LIMITS)
    async with Flume(world) as flume:
        flume.write(*(body(f"p-{number}", not_before="2100-01-01T00:00:00.000Z") for number in range(3)))
        flume.write(body("a-0"))
        await flume.until(lambda: len(flume.parking.lot) == 3)
        await flume.finish("a-0")
        await flume.rest()
        world.memory.become(ClaimMemory())

    async with Flume(world) as successor:
        await successor.rest()
        await books_tell(successor, 16)
        successor.write(body("b-0"), body("b-1"))
        await successor.until(lambda: outcomes(successor, "b-") == {"refused": 1})

        assert len(successor.runs.running) == 1


async def test_an_ordinary_takeover_counts_nothing_again() -> None:
    world = World()
    world.plans.put("acme", limits=LIMITS)
    async with Flume(world) as flume:
        flume.write(*(body(f"p-{number}", not_before="2100-01-01T00:00:00.000Z") for number in range(3)))
        await flume.until(lambda: len(flume.parking.lot) == 3)

    async with Flume(world) as successor:
        await successor.rest()

        assert sum(world.memory.windows["acme", "requests", "day", "", None].buckets.values()) == 3
