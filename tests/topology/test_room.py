"""A worker takes in only what it can hold, runs only as many as it may, and goes on when there is room."""

import asyncio

import pytest

from tests.doubles.flume import Flume
from tests.doubles.held_runs import HeldRuns
from tests.doubles.requests import body, partition_of, tenants_on

ACME = partition_of("acme")


async def test_no_more_runs_at_once_than_allowed() -> None:
    async with Flume(max_in_flight=3, max_held=100) as flume:
        flume.write(*(body(f"r-{number}") for number in range(10)))
        await flume.running("r-0", "r-1", "r-2")
        await flume.rest()
        assert len(flume.runs.running) == 3

        await flume.finish("r-1")
        await flume.running("r-0", "r-2", "r-3")
        while len(flume.world.responses()) < 10:
            flume.runs.end_all()
            await flume.rest(steps=20)

        assert flume.runs.most_at_once == 3
        assert flume.runs.started == [f"r-{number}" for number in range(10)]


async def test_a_worker_holds_no_more_records_than_allowed_and_reads_on_when_there_is_room() -> None:
    async with Flume(max_in_flight=2, max_held=5) as flume:
        flume.write(*(body(f"r-{number}") for number in range(20)))
        await flume.running("r-0", "r-1")
        assert flume.pipeline.held == 5
        assert flume.position[ACME] == 5

        most = 0
        while len(flume.world.responses()) < 20:
            most = max(most, flume.pipeline.held)
            flume.runs.end_all()
            await flume.rest(steps=10)

        assert most == 5
        assert flume.lag() == 0


async def test_room_is_waited_for() -> None:
    async with Flume(max_in_flight=1, max_held=1) as flume:
        flume.write(body("r-0"))
        waiting = asyncio.ensure_future(flume.pipeline.room())
        await flume.running("r-0")
        assert not waiting.done()

        await flume.finish("r-0")

        async with asyncio.timeout(5):
            await waiting


async def test_a_full_worker_reads_on_in_batches_and_leaves_no_slot_empty_for_them() -> None:
    tenants = tenants_on(ACME, 20)
    async with Flume(max_in_flight=2, max_held=10) as flume:
        flume.write(*(body(f"r-{number}", tenant) for number, tenant in enumerate(tenants)))
        await flume.running("r-0", "r-1")

        read = []
        for number in range(8):
            await flume.finish(f"r-{number}")
            await flume.running(f"r-{number + 1}", f"r-{number + 2}")
            await flume.rest()
            read.append(flume.position[ACME])

        assert read == [10, 10, 10, 14, 14, 14, 14, 18]


async def test_records_that_need_no_run_take_room_only_until_they_are_durable() -> None:
    async with Flume(runs=HeldRuns(instant=True), max_held=4) as flume:
        flume.outbox.hold()
        flume.write(*[b"rubbish"] * 12)
        await flume.rest()
        assert flume.position[ACME] == 4

        flume.outbox.let_go()
        await flume.settle()

        assert len(flume.world.dead_letters()) == 12


async def test_a_slow_head_holds_its_offset_but_not_the_work_behind_it(flume: Flume) -> None:
    flume.write(body("slow"), *(body(f"r-{number}") for number in range(50)))
    await flume.until(lambda: len(flume.runs.running) == 51)

    for number in range(50):
        flume.runs.end(f"r-{number}")
    await flume.until(lambda: flume.pipeline.held == 1)
    assert len(flume.world.responses()) == 50
    assert flume.world.committed[ACME] == 0

    await flume.finish("slow")
    await flume.settle()
    assert flume.lag() == 0


async def test_a_closed_pipeline_takes_in_nothing_and_empties() -> None:
    async with Flume(max_held=5) as flume:
        flume.write(body("r-0"), body("r-1"))
        await flume.running("r-0", "r-1")

        flume.pipeline.close()
        flume.write(body("r-2"))
        await flume.finish("r-0", "r-1")

        async with asyncio.timeout(5):
            await flume.pipeline.idle()
        assert set(flume.world.statuses()) == {"r-0", "r-1"}
        assert flume.position[ACME] == 2


async def test_sessions_do_not_use_up_slots_while_they_wait() -> None:
    async with Flume(max_in_flight=2) as flume:
        flume.write(*(body(f"s-{number}", session_id="s") for number in range(5)), body("other"))

        await flume.running("s-0", "other")


@pytest.mark.parametrize("stubborn", [False, True])
async def test_a_run_of_a_lost_partition_gives_its_slot_back_when_it_has_ended(stubborn: bool) -> None:
    runs = HeldRuns(stubborn=stubborn)
    async with Flume(runs=runs, max_in_flight=1) as flume:
        flume.write(body("r-0", "acme"), body("r-1", "globex"))
        await flume.running("r-0")
        kept = flume.world.write(body("r-2", "globex"))[0].partition

        await flume.own([kept])
        await flume.rest()
        if stubborn:
            assert runs.started == ["r-0"]
            runs.end("r-0")

        await flume.running("r-1")
        runs.stubborn = False
