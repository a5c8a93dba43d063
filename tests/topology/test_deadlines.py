"""A deadline is judged when the outcome is decided, and bounds what is still to come."""

from datetime import datetime, timedelta
from typing import Any

from agents_defs.registry import AgentSpec
from schemas.failures import Code, RunFailure
from schemas.times import format_at
from streams.observations import RunEnded, RunStarted
from tests.doubles.flume import NEVER_BUILT, Flume
from tests.doubles.held_runs import HeldRuns
from tests.doubles.memory_outbox import NAMES
from tests.doubles.requests import body


def due(flume: Flume, in_s: float) -> str:
    return format_at(flume.clock.at() + timedelta(seconds=in_s))


async def only(flume: Flume) -> dict[str, Any]:
    await flume.settle()
    (response,) = flume.world.responses()
    return response


async def test_a_request_past_its_deadline_is_not_started(flume: Flume) -> None:
    flume.write(body("r-1", deadline=due(flume, -1)))

    response = await only(flume)

    assert (response["status"], response["error"]["code"]) == ("expired", "expired")
    assert flume.runs.started == []
    assert [*flume.observed.of(RunStarted), *flume.observed.of(RunEnded)] == []
    assert "started_at" not in response
    assert flume.world.dead_letters() == []


async def test_a_run_that_ends_in_time_is_completed(flume: Flume) -> None:
    flume.write(body("r-1", deadline=due(flume, 5)))
    await flume.running("r-1")
    flume.clock.advance(4.9)

    await flume.finish("r-1")

    assert (await only(flume))["status"] == "completed"


async def test_an_answer_that_comes_after_the_deadline_is_expired_and_withheld(flume: Flume) -> None:
    flume.write(body("r-1", deadline=due(flume, 5), session_id="s"))
    await flume.running("r-1")
    flume.clock.advance(5.1)

    await flume.finish("r-1", verdict="too late")

    response = await only(flume)
    assert response["status"] == "expired"
    assert "output" not in response
    assert response["usage"]["model_calls"] == 1
    assert len(flume.world.log.read(NAMES.usage)) == 1
    assert flume.world.memory.sessions == {}


async def test_a_failure_after_the_deadline_is_expired_too(flume: Flume) -> None:
    flume.write(body("r-1", deadline=due(flume, 5)))
    await flume.running("r-1")
    flume.clock.advance(5.1)

    await flume.finish("r-1", verdict=RunFailure(Code.MODEL_TIMEOUT, "the run did not end within 5 s"))

    response = await only(flume)
    assert response["status"] == "expired"
    assert "within 5 s" in response["error"]["message"]
    assert flume.world.dead_letters() == []


async def test_a_run_has_no_more_time_than_its_deadline_or_its_agent_leaves() -> None:
    specs = [AgentSpec("support", 3, NEVER_BUILT, timeout_s=30.0)]
    async with Flume(runs=HeldRuns(instant=True), specs=specs) as flume:
        flume.write(body("r-1", deadline=due(flume, 7)), body("r-2", deadline=due(flume, 700)), body("r-3"))

        await flume.settle()

        assert [order.timeout_s for order in flume.runs.orders] == [7.0, 30.0, 30.0]


async def test_a_deadline_far_away_and_one_long_ago_are_taken_as_they_are(flume: Flume) -> None:
    flume.write(
        body("far", deadline="9999-12-31T23:59:59.999Z"), body("long-ago", deadline="0001-01-01T00:00:00Z")
    )
    await flume.running("far")

    await flume.finish("far")
    await flume.settle()

    assert flume.world.statuses() == {"far": "completed", "long-ago": "expired"}


async def test_who_waits_for_its_session_beyond_its_deadline_is_answered_at_once(flume: Flume) -> None:
    flume.write(body("head", session_id="s"))
    await flume.running("head")
    flume.write(
        body("due", session_id="s", deadline=due(flume, -1)), body("patient", session_id="s", stream=True)
    )

    await flume.until(lambda: flume.world.responses("due"))
    assert flume.runs.running == ["head"]
    await flume.finish("head")
    await flume.finish("patient")
    await flume.settle()

    assert flume.runs.started == ["head", "patient"]
    assert flume.world.statuses() == {"due": "expired", "head": "completed", "patient": "completed"}
    assert (flume.pipeline.lanes.running, flume.pipeline.lanes.held) == (0, 0)


async def test_who_waits_for_a_slot_beyond_its_deadline_is_answered_at_once() -> None:
    async with Flume(max_in_flight=1) as flume:
        flume.write(body("head"))
        await flume.running("head")
        flume.write(body("due", deadline=due(flume, 0.001)))

        await flume.until(lambda: flume.world.responses("due"))

        assert flume.world.statuses() == {"due": "expired"}
        assert flume.runs.started == ["head"]


async def test_the_end_of_a_stream_that_never_began_is_told(flume: Flume) -> None:
    flume.write(body("r-1", stream=True, deadline=due(flume, -1)))

    await flume.settle()

    (delta,) = flume.world.log.read(NAMES.deltas)
    assert (delta["kind"], delta["data"], delta["seq"]) == ("end", {"status": "expired"}, 0)


async def test_only_the_calendar_tells_a_deadline(flume: Flume) -> None:
    flume.write(body("r-1", deadline=due(flume, 5)))
    await flume.running("r-1")

    flume.clock.set_calendar(timedelta(hours=1))
    await flume.finish("r-1")

    response = await only(flume)
    assert response["status"] == "expired"
    assert response["run_ms"] == 0
    assert datetime.fromisoformat(response["finished_at"]) == flume.clock.at()
