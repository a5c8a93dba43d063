"""Requests of one session run one at a time, in order; all others run side by side."""

import pytest

from schemas.failures import Code, RunFailure
from tests.doubles.flume import Flume
from tests.doubles.held_runs import HeldRuns
from tests.doubles.requests import body


async def test_a_session_runs_in_request_order_and_one_at_a_time(flume: Flume) -> None:
    flume.write(*(body(f"r-{number}", session_id="s") for number in range(5)))

    for number in range(5):
        await flume.running(f"r-{number}")
        await flume.finish(f"r-{number}")
    await flume.settle()

    assert flume.runs.most_at_once == 1
    assert [one["request_id"] for one in flume.world.responses()] == [f"r-{number}" for number in range(5)]


async def test_completed_and_failed_answers_stand_in_request_order(flume: Flume) -> None:
    flume.write(*(body(f"r-{number}", session_id="s") for number in range(4)))

    for number in range(4):
        verdict = RunFailure(Code.TOOL_FAILED) if number % 2 else "fine"
        await flume.finish(f"r-{number}", verdict=verdict)
    await flume.settle()

    answered = [(one["request_id"], one["status"]) for one in flume.world.responses()]
    assert answered == [("r-0", "completed"), ("r-1", "failed"), ("r-2", "completed"), ("r-3", "failed")]


async def test_the_next_run_starts_before_the_outcome_is_durable_and_keeps_the_order(flume: Flume) -> None:
    flume.write(*(body(f"r-{number}", session_id="s") for number in range(3)))
    await flume.until(lambda: flume.runs.running)
    flume.outbox.hold()

    flume.runs.end("r-0")
    await flume.running("r-1")
    flume.runs.end("r-1")
    await flume.running("r-2")
    flume.runs.end("r-2")
    await flume.rest()
    assert flume.world.responses() == []

    flume.outbox.let_go()
    await flume.settle()
    assert [one["request_id"] for one in flume.world.responses()] == ["r-0", "r-1", "r-2"]


async def test_each_run_is_told_what_was_said_before(flume: Flume) -> None:
    flume.write(body("r-1", session_id="s", input="one"), body("r-2", session_id="s", input="two"))
    await flume.finish("r-1", verdict="first")

    await flume.finish("r-2", verdict="second")
    await flume.settle()

    first, second = flume.runs.orders
    assert first.session_items == []
    assert second.session_items == [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "first"},
    ]
    assert len(flume.world.memory.sessions["acme", "s"]) == 2


async def test_the_turn_is_kept_before_the_answer_can_be_read(flume: Flume) -> None:
    flume.write(body("r-1", session_id="s"))
    await flume.until(lambda: flume.runs.running)
    flume.outbox.hold()

    flume.runs.end("r-1")
    await flume.until(lambda: flume.world.memory.sessions)

    assert flume.world.responses() == []


async def test_a_failed_run_leaves_nothing_in_the_session(flume: Flume) -> None:
    flume.write(body("r-1", session_id="s"))

    await flume.finish("r-1", verdict=RunFailure(Code.MODEL_UNAVAILABLE))
    await flume.settle()

    assert flume.world.memory.sessions == {}


async def test_sessions_of_the_same_name_belong_to_their_tenants(flume: Flume) -> None:
    flume.write(body("r-1", "acme", session_id="s"), body("r-2", "globex", session_id="s"))

    await flume.until(lambda: len(flume.runs.running) == 2)


async def test_requests_without_a_session_do_not_wait_for_each_other(flume: Flume) -> None:
    flume.write(*(body(f"r-{number}") for number in range(20)))

    await flume.until(lambda: len(flume.runs.running) == 20)


async def test_hundreds_of_sessions_of_one_partition_run_side_by_side(flume: Flume) -> None:
    written = flume.write(*(body(f"r-{number}", session_id=f"s-{number}") for number in range(500)))

    await flume.until(lambda: len(flume.runs.running) == 500)

    assert len({record.partition for record in written}) == 1


async def test_who_is_refused_does_not_wait_for_its_session(flume: Flume) -> None:
    flume.write(body("r-1", session_id="s"), body("r-2", session_id="s", agent="nobody"))

    await flume.until(lambda: flume.world.responses("r-2"))

    assert flume.runs.running == ["r-1"]


async def test_a_session_goes_on_after_a_run_that_failed_for_a_reason_of_ours(flume: Flume) -> None:
    flume.write(body("r-1", session_id="s"), body("r-2", session_id="s"))

    await flume.finish("r-1", verdict=ValueError("a bug"))

    await flume.running("r-2")


async def test_a_run_waits_until_its_session_can_be_read(
    flume: Flume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.journal.RETRY_S", 0)
    flume.store.away = True
    flume.write(body("r-1", session_id="s"))
    await flume.rest()
    assert flume.runs.running == []

    flume.store.away = False
    await flume.finish("r-1")
    await flume.settle()

    assert flume.world.responses()[0]["memory"] == "kept"


async def test_a_session_of_which_turns_are_missing_is_said_to_be_lost(flume: Flume) -> None:
    flume.write(body("r-1", session_id="s"), body("r-2", session_id="s"))
    await flume.finish("r-1")
    await flume.running("r-2")
    flume.world.memory.sessions.clear()

    await flume.own([])
    async with Flume(flume.world, HeldRuns(instant=True)) as other:
        await other.settle()

    (response,) = flume.world.responses("r-2")
    assert (response["status"], response["memory"]) == ("completed", "lost")


async def test_a_request_without_a_session_has_no_memory(flume: Flume) -> None:
    flume.write(body("r-1"))

    await flume.finish("r-1")
    await flume.settle()

    assert flume.world.responses()[0]["memory"] == "none"
    assert flume.world.memory.sessions == {}


async def test_an_answer_waits_until_its_turn_is_kept(flume: Flume, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.journal.RETRY_S", 0)
    flume.write(body("r-1", session_id="s"))
    await flume.until(lambda: flume.runs.running)
    flume.store.away = True
    flume.runs.end("r-1")
    await flume.rest()
    assert flume.world.responses() == []

    flume.store.away = False
    await flume.settle()

    assert flume.world.responses()[0]["memory"] == "kept"
