"""A worker whose inner parts die must be seen to die: half alive, it would hold its partitions forever."""

import asyncio

import pytest

from schemas.failures import Code
from streams.flow import Parcel, Problem
from streams.observations import Fault, Occurrence, RequestDone
from tests.doubles.flume import Flume
from tests.doubles.held_runs import HeldRuns
from tests.doubles.requests import body


async def cause(flume: Flume) -> BaseException:
    async with asyncio.timeout(5):
        return await flume.lifeline.broken()


async def test_admission_that_dies_ends_the_worker(flume: Flume, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: object) -> None:
        raise ZeroDivisionError("a bug in admission")

    monkeypatch.setattr(flume.claims, "claim", broken)
    flume.write(body("r-1"))

    assert isinstance(await cause(flume), ZeroDivisionError)
    assert flume.observed.of(Fault) == [Fault("admission", "ZeroDivisionError('a bug in admission')")]
    assert flume.lag() == 1


async def test_a_dead_letter_that_cannot_be_rendered_ends_the_worker(
    flume: Flume, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug in emission")

    monkeypatch.setattr("streams.emission.dead_letter_id", broken)
    flume.write(b"rubbish")

    assert isinstance(await cause(flume), ZeroDivisionError)
    assert flume.lag() == 1


async def test_an_outcome_that_cannot_be_rendered_at_all_ends_the_worker(
    flume: Flume, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug in emission")

    monkeypatch.setattr("streams.emission.response_id", broken)
    flume.write(body("r-1"))
    await flume.finish("r-1")

    assert isinstance(await cause(flume), ZeroDivisionError)
    assert flume.world.responses() == []
    assert flume.lag() == 1


async def test_an_observer_that_raises_never_brings_about_a_second_answer(
    flume: Flume, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(occurrence: Occurrence) -> None:
        if isinstance(occurrence, RequestDone):
            raise ZeroDivisionError("a bug in an observer")

    monkeypatch.setattr(flume.observed, "observe", broken)
    flume.write(body("r-1"))
    await flume.finish("r-1")
    await flume.settle()

    assert len(flume.world.responses()) == 1
    assert flume.lag() == 0


async def test_a_lost_run_that_fails_while_it_winds_down_harms_nobody() -> None:
    runs = HeldRuns(stubborn=True)
    async with Flume(runs=runs) as flume:
        flume.write(body("r-1"))
        await flume.running("r-1")
        await flume.own([])
        await flume.until(lambda: runs.cancelled)

        runs.end("r-1", ZeroDivisionError("while it was cancelled"))
        await flume.rest()

        broken = asyncio.ensure_future(flume.lifeline.broken())
        await flume.rest()
        assert not broken.done()
        broken.cancel()


async def test_work_that_is_cancelled_before_it_began_leaves_nothing_behind() -> None:
    async with Flume(max_in_flight=1) as flume:
        flume.write(body("r-1"), b"rubbish", body("r-2", agent="nobody"))
        await flume.until(lambda: flume.pipeline.lanes.running)

        await flume.own([])  # in the same step in which their tasks were made
        await flume.rest()

        assert flume.pipeline.held == 0
        assert flume.pipeline.lanes.running == 0


async def test_a_long_run_of_whose_record_nobody_knows_whether_it_stands_on_kafka_ends_the_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(_: Parcel) -> int | None:
        raise ZeroDivisionError("a bug in the outbox")

    async with Flume(park_after_s=0.0) as flume:
        monkeypatch.setattr(flume.outbox, "publish", broken)
        flume.write(body("r-1"))

        assert isinstance(await cause(flume), ZeroDivisionError)
        assert flume.lag() == 1


async def test_a_run_that_is_cancelled_right_before_its_partition_is_lost_is_let_go() -> None:
    async with Flume() as flume:
        flume.write(body("r"))
        await flume.running("r")
        (task,) = [entry.task for entry in flume.pipeline.register.outside(())]
        flume.pipeline.endings.cancel(("acme", "r"), Problem(Code.CANCELLED, "by a command"))

        flume.ownership.revoked()
        flume.pipeline.reassigned(())
        await flume.rest()

        assert task is not None
        assert task.cancelled()
