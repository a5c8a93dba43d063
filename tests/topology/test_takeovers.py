"""What a worker had ready when another took over is not published; what is, the next one knows of."""

import pytest

from agents_defs.run_journal import RunLost
from tests.doubles.flume import Flume
from tests.doubles.memory_outbox import NAMES
from tests.doubles.requests import PARTITIONS, body
from tests.topology.test_parking import POSTPONED, until_parked


async def frozen_and_taken_for_dead(flume: Flume) -> None:
    """It parks a long run beside its running; that record waits, and another has gone on with the request."""
    flume.outbox.hold()
    flume.write(body("r-1"))
    await flume.running("r-1")
    await flume.rest()
    async with Flume(flume.world) as other:
        await other.finish("r-1", verdict=POSTPONED)
        await until_parked(other, "r-1")


async def test_a_worker_that_was_frozen_does_not_write_what_it_knew_over_its_successors_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.adapters.group_commit.FIRST_RETRY_S", 0)
    async with Flume(park_after_s=0.0) as flume:
        await frozen_and_taken_for_dead(flume)
        (entry,) = flume.pipeline.register.outside(())

        await flume.finish("r-1", verdict=RunLost("attempt 2 was admitted"))  # the first that it hears of it
        await flume.rest()
        await flume.own(range(PARTITIONS), as_member="reborn")
        flume.outbox.let_go()
        flume.clock.advance(31)
        await flume.finish("r-1")
        await flume.until(flume.world.responses)

        calls = [one["call_id"] for one in flume.world.log.read(NAMES.usage)]
        assert sorted(calls) == [f"acme%2Fr-1%2F0/m0.{attempt}" for attempt in (1, 2, 3)]
        assert flume.world.responses()[0]["usage"]["model_calls"] == 3
        assert entry.parking is not None
        assert entry.parking.cancelled()


async def test_a_run_that_the_store_forgot_was_admitted_is_admitted_again_at_its_end() -> None:
    async with Flume() as first:
        first.write(body("r-1"))
        await first.running("r-1")
    earlier = first.world.memory.copied()

    async with Flume(first.world) as flume:
        await flume.running("r-1")
        owners = dict(first.world.memory.owners)
        first.world.memory.become(earlier)  # it comes back without its last writes
        first.world.memory.owners |= owners
        await flume.finish("r-1")
        await flume.until(lambda: flume.runs.started == ["r-1", "r-1"])
        await flume.finish("r-1")
        await flume.settle()

        assert len(flume.world.responses()) == 1
        assert flume.lag() == 0


async def test_a_call_that_is_not_recorded_yet_is_not_in_the_books_when_its_run_is_parked() -> None:
    async with Flume(park_after_s=0.0) as flume:
        flume.store.hold()  # or else the next owner would ask again for what stands there as settled
        flume.write(body("r-1"))
        await until_parked(flume, "r-1")
        booked_early = flume.world.log.read(NAMES.usage)

        flume.store.let_go()
        await flume.rest()
        await flume.finish("r-1")
        await flume.settle()

        assert booked_early == []
        (usage,) = flume.world.log.read(NAMES.usage)
        assert usage["call_id"] == "acme%2Fr-1%2F0/m0.1"
        assert flume.world.responses()[0]["usage"]["model_calls"] == 1
