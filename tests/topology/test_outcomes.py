"""A request comes to one outcome, whatever becomes of it."""

import base64
import json
from decimal import Decimal
from typing import Any

import pytest

from schemas.failures import Code, RunFailure
from schemas.responses import response_id
from streams.observations import CallPaid, Fault, RecordRejected, RequestDone, RunEnded, RunStarted
from tests.doubles.flume import Flume
from tests.doubles.held_runs import HeldRuns
from tests.doubles.memory_outbox import NAMES
from tests.doubles.requests import TENANT, body, partition_of

TRACE = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


async def test_a_completed_request_is_answered_and_released(flume: Flume) -> None:
    (written,) = flume.write(body("r-1", metadata={"order": "7"}, session_id="s"))
    await flume.until(lambda: flume.runs.running)
    flume.clock.advance(1.25)

    flume.runs.end("r-1", "at sea")
    await flume.settle()

    (response,) = flume.world.responses()
    assert response["response_id"] == response_id(TENANT, "r-1", 0)
    assert (response["status"], response["output"]) == ("completed", "at sea")
    assert (response["agent"], response["agent_version"], response["session_id"]) == ("support", 3, "s")
    assert response["metadata"] == {"order": "7"}
    assert (response["attempts"], response["turns"], response["memory"]) == (1, 1, "kept")
    assert (response["queued_ms"], response["run_ms"]) == (0, 1250)
    assert response["runs"] == [{"start": response["started_at"], "end": response["finished_at"]}]
    assert response["source"] == {
        "topic": "agent.requests",
        "partition": written.partition,
        "offset": 0,
    }
    assert "error" not in response
    assert flume.lag() == 0


async def test_every_paid_call_of_a_run_is_in_the_books_and_in_the_totals(flume: Flume) -> None:
    flume.write(body("r-1"))

    await flume.finish("r-1")
    await flume.settle()

    (line,) = flume.world.log.read(NAMES.usage)
    assert (line["request_id"], line["call_id"]) == ("r-1", "acme%2Fr-1%2F0/m0.1")
    assert (line["input_tokens"], line["output_tokens"], line["cost_usd"]) == (20, 7, "0.0012")
    (response,) = flume.world.responses()
    assert response["usage"]["model_calls"] == 1
    assert Decimal(response["usage"]["cost_usd"]) == Decimal("0.0012")
    assert len(flume.observed.of(CallPaid)) == 1


async def test_a_failed_run_has_a_response_and_a_dead_letter_with_the_exact_bytes(flume: Flume) -> None:
    (written,) = flume.write(body("r-1"), headers=(TRACE, ("x-odd", None)))

    await flume.finish(
        "r-1", verdict=RunFailure(Code.TOOL_FAILED, "lookup_order is down", retry_after_ms=500)
    )
    await flume.settle()

    (response,) = flume.world.responses()
    (letter,) = flume.world.dead_letters()
    assert (response["status"], response["error"]["code"]) == ("failed", "tool_failed")
    assert response["error"] == {
        "code": "tool_failed",
        "message": "lookup_order is down",
        "retriable": True,
        "retry_after_ms": 500,
        "stage": "execution",
    }
    assert (letter["code"], letter["request_id"], letter["tenant_id"]) == ("tool_failed", "r-1", TENANT)
    assert letter["attempts"] == 1
    assert base64.b64decode(letter["original"]["value"]) == written.value
    assert base64.b64decode(letter["original"]["key"]) == written.key
    assert [header["name"] for header in letter["original"]["headers"]] == ["traceparent", "x-odd"]
    assert letter["source"]["timestamp"] == "2023-11-14T22:13:20.000Z"
    assert len(flume.world.log.read(NAMES.usage)) == 1


async def test_what_cannot_be_decoded_has_a_dead_letter_and_no_response(flume: Flume) -> None:
    (written,) = flume.write(b"\x00 not json", headers=(TRACE,))

    await flume.settle()

    (letter,) = flume.world.dead_letters()
    assert (letter["code"], letter["stage"], letter["retriable"]) == ("undecodable", "intake", False)
    assert base64.b64decode(letter["original"]["value"]) == written.value
    assert flume.world.responses() == []
    assert flume.lag() == 0
    assert flume.observed.of(RecordRejected) == [
        RecordRejected(Code.UNDECODABLE, written.partition, written.offset)
    ]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"agent": "nobody"}, "unknown_agent"),
        ({"agent": "support@9"}, "unknown_agent"),
        ({"priority": "now"}, "invalid_field"),
        ({"max_turns": 0}, "invalid_field"),
    ],
)
async def test_what_cannot_be_accepted_is_refused_and_not_dead_lettered(
    flume: Flume, changes: dict[str, Any], code: str
) -> None:
    flume.write(body("r-1", **changes))

    await flume.settle()

    (response,) = flume.world.responses()
    assert (response["status"], response["error"]["code"]) == ("refused", code)
    assert "started_at" not in response
    assert response["attempts"] == 0
    assert flume.world.dead_letters() == []
    assert flume.runs.started == []
    assert flume.lag() == 0


async def test_an_answer_that_no_record_holds_fails_and_keeps_its_costs() -> None:
    async with Flume(max_record_bytes=20_000) as flume:
        flume.write(body("large"), body("small"))
        await flume.until(lambda: len(flume.runs.running) == 2)

        flume.runs.end("large", "x" * 20_000)
        flume.runs.end("small", "x" * 15_000)
        await flume.settle()

        assert flume.world.statuses() == {"large": "failed", "small": "completed"}
        (large,) = flume.world.responses("large")
        assert large["error"]["code"] == "output_too_large"
        assert large["usage"]["model_calls"] == 1
        assert [letter["code"] for letter in flume.world.dead_letters()] == ["output_too_large"]
        assert len(flume.world.log.read(NAMES.usage)) == 2


async def test_a_large_answer_is_not_kept_in_the_session_either() -> None:
    async with Flume(max_record_bytes=20_000) as flume:
        flume.write(body("r-1", session_id="s"))
        await flume.until(lambda: flume.runs.running)

        flume.runs.end("r-1", "x" * 20_000)
        await flume.settle()

        assert flume.world.memory.sessions == {}


async def test_an_error_of_ours_is_answered_and_what_the_run_cost_is_kept(flume: Flume) -> None:
    too_deep: Any = []
    for _ in range(300):
        too_deep = [too_deep]
    flume.write(body("r-1", stream=True))

    await flume.finish("r-1", verdict=too_deep)
    await flume.settle()

    (response,) = flume.world.responses()
    (letter,) = flume.world.dead_letters()
    assert (response["status"], response["error"]["code"]) == ("failed", "internal")
    assert response["usage"]["model_calls"] == 1
    assert len(flume.world.log.read(NAMES.usage)) == 1
    assert "ValueError" in letter["exception"]
    assert "Traceback" in letter["stack"]
    assert [delta["data"] for delta in flume.world.log.read(NAMES.deltas)] == [{"status": "failed"}]
    assert len(flume.observed.of(Fault)) == 1
    assert flume.lag() == 0


async def test_an_exception_that_no_run_may_raise_is_an_error_of_ours(flume: Flume) -> None:
    flume.write(body("r-1"), body("r-2"))
    await flume.until(lambda: len(flume.runs.running) == 2)

    flume.runs.end("r-1", ZeroDivisionError("division by zero"))
    flume.runs.end("r-2")
    await flume.settle()

    assert flume.world.statuses() == {"r-1": "failed", "r-2": "completed"}
    assert [letter["code"] for letter in flume.world.dead_letters()] == ["internal"]


async def test_the_trace_is_handed_on_to_every_record_that_tells_the_outcome(flume: Flume) -> None:
    state = ("tracestate", b"vendor=1")
    flume.write(body("r-1"), headers=(TRACE, state, ("other", b"x")))

    await flume.finish("r-1", verdict=RunFailure(Code.MODEL_TIMEOUT))
    await flume.settle()

    (response,) = flume.world.log.emissions(NAMES.responses)
    (letter,) = flume.world.log.emissions(NAMES.deadletter)
    for emission in (response, letter):
        assert {TRACE, state} <= set(emission.headers)
        assert "other" not in dict(emission.headers)
    assert json.loads(response.value or b"")["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


async def test_a_response_s_headers_tell_readers_what_it_is_without_parsing(flume: Flume) -> None:
    flume.write(body("r-1"))

    await flume.finish("r-1")
    await flume.settle()

    (response,) = flume.world.log.emissions(NAMES.responses)
    headers = dict(response.headers)
    assert headers["schema"] == b"agent-response/1"
    assert (headers["request-id"], headers["status"]) == (b"r-1", b"completed")
    assert (response.key, response.partition) == (b"acme", partition_of("acme"))


async def test_all_records_about_a_request_stand_on_its_partition(flume: Flume) -> None:
    for tenant in ("a", "b", "c", "d", "e"):
        flume.write(body(f"r-{tenant}", tenant, stream=True))
    await flume.until(lambda: len(flume.runs.running) == 5)

    for tenant in ("a", "b", "c", "d", "e"):
        flume.runs.end(f"r-{tenant}", RunFailure(Code.INTERNAL))
    await flume.settle()

    for topic in (NAMES.responses, NAMES.usage, NAMES.deadletter, NAMES.deltas):
        emissions = flume.world.log.emissions(topic)
        assert len(emissions) == 5
        for emission in emissions:
            assert emission.partition == partition_of((emission.key or b"").decode())


async def test_what_happened_is_observed() -> None:
    async with Flume(runs=HeldRuns(instant=True)) as flume:
        flume.write(body("r-1"))

        await flume.settle()

        kinds = [type(one) for one in flume.observed.occurrences]
        assert kinds.index(RunStarted) < kinds.index(RunEnded) < kinds.index(RequestDone)
        assert flume.observed.of(RequestDone) == [RequestDone("support", "completed", None, False)]
