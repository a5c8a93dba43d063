"""Requests that wait leave their partition's offsets, and come back when they are due."""

from datetime import timedelta

import pytest

from agents_defs.registry import AgentSpec
from agents_defs.run_journal import ApprovalRequest, RunHandedOver, RunNeedsApproval, RunPostponed
from schemas.failures import Code, RunFailure
from schemas.times import format_at
from streams.observations import LimitRefused
from streams.options import LimitOptions
from streams.waiting import Waiting
from tests.doubles.flume import NEVER_BUILT, Flume, World
from tests.doubles.held_runs import HeldRuns
from tests.doubles.memory_outbox import NAMES
from tests.doubles.requests import PARTITIONS, body

ALL = range(PARTITIONS)
POSTPONED = RunPostponed(30, RunFailure(Code.MODEL_UNAVAILABLE))
APPROVAL = RunNeedsApproval([ApprovalRequest("ap-1", "refund", "c-1", "support", "{}", "digest", 3600.0)])


def later(flume: Flume, seconds: float) -> str:
    return format_at(flume.clock.at() + timedelta(seconds=seconds))


def parked(flume: Flume, request_id: str) -> Waiting | None:
    waiting = flume.parking.lot.find(("acme", request_id))
    return waiting if waiting is not None and waiting.place.offset >= 0 else None


async def until_parked(flume: Flume, *request_ids: str) -> None:
    await flume.until(lambda: all(parked(flume, one) for one in request_ids) and not flume.lag())


def left_parked(world: World) -> int:
    """Records on the parked topic without a tombstone behind them."""
    latest = {(one.partition, one.key): one.value for one in world.log.emissions(NAMES.parked)}
    return sum(value is not None for value in latest.values())


async def test_a_request_for_later_is_parked_and_run_when_it_is_due(flume: Flume) -> None:
    flume.write(body("r-1", not_before=later(flume, 60)))
    await until_parked(flume, "r-1")
    assert flume.pipeline.held == 0

    flume.clock.advance(59)
    await flume.rest()
    assert flume.runs.started == []
    flume.clock.advance(1.1)
    await flume.finish("r-1")
    await flume.settle()

    (response,) = flume.world.responses()
    assert (response["status"], response["attempts"]) == ("completed", 1)
    assert response["queued_ms"] == pytest.approx(60_100, abs=200)
    assert left_parked(flume.world) == 0
    assert len(flume.parking.lot) == 0


async def test_a_request_for_later_holds_nobody_of_its_session(flume: Flume) -> None:
    flume.write(body("r-1", session_id="s", not_before=later(flume, 60)), body("r-2", session_id="s"))

    await flume.running("r-2")
    flume.clock.advance(61)
    await flume.rest()

    assert flume.runs.started == ["r-2"]  # now that it is due it waits for its session, as others do
    await flume.finish("r-2")
    await flume.finish("r-1")
    await flume.settle()
    assert [one["request_id"] for one in flume.world.responses()] == ["r-2", "r-1"]


async def test_a_postponed_run_frees_its_slot_and_goes_on_as_the_next_attempt() -> None:
    async with Flume(max_in_flight=1) as flume:
        flume.write(body("r-1"), body("r-2"))

        await flume.finish("r-1", verdict=POSTPONED)
        await flume.running("r-2")
        await flume.until(lambda: parked(flume, "r-1"))
        assert len(flume.world.log.read(NAMES.usage)) == 1  # what it cost is published with its parking
        await flume.finish("r-2")
        flume.clock.advance(31)
        await flume.finish("r-1")
        await flume.settle()

        (response,) = flume.world.responses("r-1")
        assert (response["status"], response["attempts"], len(response["runs"])) == ("completed", 2, 2)
        assert left_parked(flume.world) == 0


async def test_followers_of_a_parked_run_wait_behind_it_outside_of_the_offsets(flume: Flume) -> None:
    flume.write(*(body(f"r-{number}", session_id="s") for number in range(3)))

    await flume.finish("r-0", verdict=POSTPONED)
    await until_parked(flume, "r-0", "r-1", "r-2")
    flume.write(body("r-3", session_id="s"))
    await until_parked(flume, "r-3")
    assert flume.runs.running == []
    flume.clock.advance(31)
    for number in range(4):
        await flume.running(f"r-{number}")
        await flume.finish(f"r-{number}")
    await flume.settle()

    assert [one["request_id"] for one in flume.world.responses()] == [f"r-{number}" for number in range(4)]
    assert left_parked(flume.world) == 0


async def test_what_is_parked_goes_on_on_whichever_worker_owns_it_now(flume: Flume) -> None:
    flume.write(*(body(f"r-{number}", session_id="s") for number in range(3)))
    await flume.finish("r-0", verdict=POSTPONED)
    await until_parked(flume, "r-0", "r-1", "r-2")

    await flume.own([])
    async with Flume(flume.world, HeldRuns(instant=True)) as other:
        await other.rest()
        assert other.runs.started == []
        flume.clock.advance(31)
        await other.until(lambda: len(flume.world.responses()) == 3)

    assert [one["request_id"] for one in flume.world.responses()] == ["r-0", "r-1", "r-2"]


async def test_a_session_s_earlier_request_that_comes_again_goes_before_the_parked_ones(flume: Flume) -> None:
    flume.write(body("r-0", session_id="s"))
    await flume.running("r-0")
    flume.write(body("r-1", session_id="s", not_before=later(flume, 5)))
    flume.clock.advance(6)
    await flume.rest()
    assert flume.lag() == 2  # the first is still being run, so its offset is not released

    await flume.own([])
    async with Flume(flume.world, HeldRuns()) as other:
        await other.running("r-0")
        await other.finish("r-0")
        await other.finish("r-1")
        await other.settle()

    assert [one["request_id"] for one in flume.world.responses()] == ["r-0", "r-1"]


async def test_a_full_window_is_waited_for_in_session_order() -> None:
    async with Flume(limits=LimitOptions(requests_per_minute=1), runs=HeldRuns(instant=True)) as flume:
        flume.write(
            *(body(f"r-{number}", session_id="s", over_limit="wait") for number in range(3)), body("r-3")
        )
        await flume.until(lambda: set(flume.world.statuses()) == {"r-0", "r-3"})
        assert flume.world.statuses()["r-3"] == "refused"
        await until_parked(flume, "r-1", "r-2")

        for _ in range(4):
            flume.clock.advance(61)
            await flume.rest()

        answered = [one["request_id"] for one in flume.world.responses() if one["status"] == "completed"]
        assert answered == ["r-0", "r-1", "r-2"]
        assert left_parked(flume.world) == 0


@pytest.mark.parametrize("end", ["its deadline", "a cancel"])
async def test_what_waits_for_a_window_needs_no_room_to_end(end: str) -> None:
    async with Flume(limits=LimitOptions(requests_per_minute=1), runs=HeldRuns(instant=True)) as flume:
        flume.write(body("r-0"), body("r-1", over_limit="wait", deadline=later(flume, 10)))
        await until_parked(flume, "r-1")

        if end == "a cancel":
            flume.command(command="cancel", request_id="r-1")
        else:
            flume.clock.advance(11)
        await flume.until(lambda: flume.world.responses("r-1"))

        assert flume.world.statuses()["r-1"] == ("cancelled" if end == "a cancel" else "expired")
        assert len(flume.observed.of(LimitRefused)) == 1
        assert left_parked(flume.world) == 0


async def test_a_deadline_passes_while_it_waits(flume: Flume) -> None:
    flume.write(body("r-1", session_id="s"))
    await flume.finish("r-1", verdict=POSTPONED)
    await until_parked(flume, "r-1")
    flume.write(body("r-2", session_id="s", deadline=later(flume, 10)))
    await until_parked(flume, "r-2")

    flume.clock.advance(11)
    await flume.until(lambda: flume.world.responses("r-2"))

    assert flume.world.statuses() == {"r-2": "expired"}
    assert left_parked(flume.world) == 1


async def test_an_approval_that_nobody_gives_expires(flume: Flume) -> None:
    flume.write(body("r-1", session_id="s"), body("r-2", session_id="s"))
    await flume.finish("r-1", verdict=APPROVAL)
    await until_parked(flume, "r-1", "r-2")

    flume.clock.advance(3601)
    await flume.running("r-2")
    await flume.finish("r-2")
    await flume.settle()

    (response,) = flume.world.responses("r-1")
    assert (response["status"], response["error"]["code"]) == ("refused", "approval_expired")
    assert len(flume.world.log.read(NAMES.usage)) == 2
    assert response["usage"]["model_calls"] == 1


async def test_a_duplicate_of_a_parked_request_is_nothing_new_and_another_body_is_a_conflict(
    flume: Flume,
) -> None:
    flume.write(body("r-1", not_before=later(flume, 60)))
    await until_parked(flume, "r-1")

    flume.write(body("r-1", not_before=later(flume, 60)), body("r-1", input="another"))
    await flume.until(lambda: flume.world.dead_letters() and not flume.lag())

    assert [one["code"] for one in flume.world.dead_letters()] == ["duplicate_conflict"]
    assert left_parked(flume.world) == 1


async def test_a_long_run_is_parked_beside_its_running_and_its_offset_released() -> None:
    async with Flume(park_after_s=0.0) as flume:
        flume.write(body("r-1", session_id="s"), body("r-2", session_id="s"))
        await until_parked(flume, "r-1", "r-2")
        assert flume.runs.running == ["r-1"]
        assert flume.pipeline.held == 1
        assert len(flume.world.log.read(NAMES.usage)) == 1

        await flume.finish("r-1")
        await flume.finish("r-2")
        await flume.settle()

        assert flume.runs.started == ["r-1", "r-2"]
        assert len(flume.world.log.read(NAMES.usage)) == 2
        assert left_parked(flume.world) == 0


async def test_a_long_run_goes_on_with_the_next_owner_from_its_parked_record() -> None:
    async with Flume(park_after_s=0.0) as flume:
        flume.write(body("r-1"))
        await until_parked(flume, "r-1")
        await flume.own([])

        async with Flume(flume.world, HeldRuns(instant=True)) as other:
            await other.until(flume.world.responses)

        (response,) = flume.world.responses()
        assert (response["status"], response["attempts"]) == ("completed", 2)
        usage = [one["call_id"] for one in flume.world.log.read(NAMES.usage)]
        assert sorted(usage) == ["acme%2Fr-1%2F0/m0.1", "acme%2Fr-1%2F0/m0.2"]


async def test_a_long_run_on_a_retained_partition_is_adopted() -> None:
    async with Flume(park_after_s=0.0) as flume:
        flume.write(body("r-1"))
        await until_parked(flume, "r-1")
        flume.world.committed.clear()  # as if the release had not been committed yet

        await flume.own(ALL)
        await flume.rest()
        await flume.finish("r-1")
        await flume.settle()

        assert flume.runs.started == ["r-1"]
        assert len(flume.world.responses()) == 1
        assert flume.lag() == 0


async def test_a_parked_request_that_is_delivered_again_is_released_at_once(flume: Flume) -> None:
    flume.write(body("r-1", not_before=later(flume, 60)))
    await until_parked(flume, "r-1")
    flume.world.committed.clear()

    await flume.own([])
    async with Flume(flume.world, HeldRuns(instant=True)) as other:
        await other.until(lambda: not other.lag())
        assert other.world.responses() == []
        flume.clock.advance(61)
        await other.until(flume.world.responses)

    assert len(flume.world.responses()) == 1


async def test_nothing_is_parked_before_its_record_is_durable(flume: Flume) -> None:
    flume.outbox.hold()
    flume.write(body("r-1", not_before=later(flume, 60)))
    await flume.rest()
    assert flume.lag() == 1

    flume.clock.advance(61)
    await flume.rest()
    assert flume.runs.started == []
    flume.outbox.let_go()

    await flume.finish("r-1")
    await flume.settle()
    assert left_parked(flume.world) == 0


async def test_a_run_that_is_postponed_for_ever_fails_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.judgement.MOST_POSTPONED", 2)
    async with Flume() as flume:
        flume.write(body("r-1"))
        for _ in range(3):
            await flume.finish("r-1", verdict=POSTPONED)
            await flume.rest()
            flume.clock.advance(31)
        await flume.settle()

        (response,) = flume.world.responses()
        assert (response["status"], response["error"]["code"]) == ("failed", "model_unavailable")
        assert len(response["runs"]) == 3
        assert left_parked(flume.world) == 0


async def test_an_answer_that_breaks_off_each_time_fails_with_the_third(flume: Flume) -> None:
    flume.write(body("r-1"))

    for _ in range(3):
        await flume.finish("r-1", verdict=RunPostponed(0, RunFailure(Code.MODEL_UNAVAILABLE)))
        await flume.rest()
        flume.clock.advance(5)
    await flume.settle()

    assert flume.world.statuses() == {"r-1": "failed"}
    assert len(flume.world.responses()[0]["runs"]) == 3


async def test_a_run_that_is_handed_over_goes_on_elsewhere_and_did_not_crash(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.finish("r-1", verdict=RunHandedOver("after turn 0"))
    await flume.rest()
    assert flume.world.responses() == []
    assert flume.pipeline.lanes.running == 0

    await flume.own([])
    async with Flume(flume.world, HeldRuns(instant=True)) as other:
        await other.settle()

    assert flume.world.statuses() == {"r-1": "completed"}
    assert [run.attempt for run, _ in flume.store.left] == [1]


async def test_a_request_that_takes_its_workers_along_is_given_up() -> None:
    world = World()
    for _ in range(5):
        async with Flume(world) as worker:
            if not world.requests:
                worker.write(body("r-1"))
            await worker.running("r-1")
            worker.store.away = True  # so that nobody hears of an orderly end
    async with Flume(world, HeldRuns(instant=True)) as last:
        await last.settle()

    (response,) = world.responses()
    assert (response["status"], response["error"]["code"]) == ("failed", "crash_loop")
    assert response["usage"]["model_calls"] == 5


async def test_a_parked_request_that_is_too_large_by_now_is_dead_lettered_and_leaves_nothing(
    flume: Flume,
) -> None:
    flume.write(body("r-1", not_before=later(flume, 60), input="x" * 500))
    await until_parked(flume, "r-1")
    await flume.own([])

    async with Flume(flume.world, HeldRuns(instant=True), max_request_bytes=100) as other:
        flume.clock.advance(61)
        await other.until(flume.world.dead_letters)
        await other.settle()

    assert [one["code"] for one in flume.world.dead_letters()] == ["oversize"]
    assert left_parked(flume.world) == 0


async def test_a_parked_request_whose_agent_is_gone_is_answered(flume: Flume) -> None:
    flume.write(body("r-1", not_before=later(flume, 60)))
    await until_parked(flume, "r-1")
    await flume.own([])

    async with Flume(flume.world, specs=[AgentSpec("another", 1, NEVER_BUILT)]) as other:
        flume.clock.advance(61)
        await other.until(flume.world.responses)
        await other.settle()

    assert flume.world.responses()[0]["error"]["code"] == "unknown_agent"
    assert left_parked(flume.world) == 0
