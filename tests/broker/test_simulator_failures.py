"""How the simulator fails, seen by the official client: the exception, and what the ledger books."""

import asyncio
import json

import openai
import pytest
from openai import AsyncOpenAI

from app.simulator.server import RunningSimulator
from tests.broker.simulator_calls import Api, ask, entries, outcomes, settled

BOTH = pytest.mark.parametrize("api", ["responses", "chat"])
STREAMED = pytest.mark.parametrize("streamed", [False, True])


@BOTH
@STREAMED
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
async def test_a_failure_raises_the_client_s_exception_and_costs_nothing(
    client: AsyncOpenAI,
    simulator: RunningSimulator,
    api: Api,
    streamed: bool,
    status: int,
    error: type[openai.APIStatusError],
) -> None:
    with pytest.raises(error) as caught:
        await ask(client, api, f"[[sim: fail={status} retry_after=3]]", streamed=streamed)

    assert caught.value.response.headers["retry-after"] == "3"
    assert caught.value.type
    assert outcomes(simulator) == [(f"failed_{status}", False)]
    assert entries(simulator)[0]["input_tokens"] == 0


@BOTH
async def test_the_client_retries_through_failures_that_end(
    client: AsyncOpenAI, simulator: RunningSimulator, api: Api
) -> None:
    patient = client.with_options(max_retries=2)

    answer = await ask(patient, api, '[[sim: fail=429*2 retry_after=0.01 text="at last"]]')

    assert answer == "at last"
    assert outcomes(simulator) == [("failed_429", False), ("failed_429", False), ("ok", True)]


async def test_attempts_of_one_call_id_count_whatever_their_try_number(
    client: AsyncOpenAI, simulator: RunningSimulator
) -> None:
    async def attempt(call_id: str) -> str:
        try:
            headers = {"X-Client-Request-Id": call_id}
            return await ask(client, "responses", '[[sim: fail=500*1 text="ok"]]', extra_headers=headers)
        except openai.InternalServerError:
            return "failed"

    answers = [await attempt(call_id) for call_id in ("run-1/0/1", "run-1/0/2", "run-2/0/1", "run-2/0/2")]

    assert answers == ["failed", "ok", "failed", "ok"]


@BOTH
@STREAMED
async def test_a_dropped_answer_is_billed_and_lost(
    client: AsyncOpenAI, simulator: RunningSimulator, api: Api, streamed: bool
) -> None:
    with pytest.raises(openai.APIConnectionError):
        await ask(client, api, "[[sim: drop_after=3]]", streamed=streamed)

    assert outcomes(simulator) == [("dropped", True)]
    assert entries(simulator)[0]["output_tokens"] > 0


async def test_a_stream_is_dropped_after_the_deltas_asked_for(client: AsyncOpenAI) -> None:
    heard = []

    async def listen() -> None:
        events = await client.responses.create(model="m", input="[[sim: drop_after=3 deltas=9]]", stream=True)
        async for event in events:
            heard.append(event.type)  # noqa: PERF401 - what came before the break is kept

    with pytest.raises(openai.APIConnectionError):
        await listen()

    assert heard.count("response.output_text.delta") == 3


async def test_a_stream_dropped_before_its_first_delta_costs_nothing(
    client: AsyncOpenAI, simulator: RunningSimulator
) -> None:
    with pytest.raises(openai.APIConnectionError):
        await ask(client, "responses", "[[sim: drop_after=0]]", streamed=True)

    assert outcomes(simulator) == [("dropped", False)]
    assert entries(simulator)[0]["output_tokens"] == 0


@BOTH
async def test_an_empty_answer_is_an_answer(
    client: AsyncOpenAI, simulator: RunningSimulator, api: Api
) -> None:
    assert await ask(client, api, '[[sim: text="" chunk_ms=1]]', streamed=True) == ""

    assert outcomes(simulator) == [("ok", True)]


@BOTH
@STREAMED
async def test_a_malformed_answer_is_billed_and_unreadable(
    client: AsyncOpenAI, simulator: RunningSimulator, api: Api, streamed: bool
) -> None:
    with pytest.raises(json.JSONDecodeError):
        await ask(client, api, "[[sim: malformed]]", streamed=streamed)

    assert outcomes(simulator) == [("malformed", True)]


@BOTH
@STREAMED
async def test_a_hanging_call_ends_when_its_client_gives_up(
    client: AsyncOpenAI, simulator: RunningSimulator, api: Api, streamed: bool
) -> None:
    with pytest.raises(openai.APITimeoutError):
        await ask(client, api, "[[sim: hang]]", streamed=streamed, timeout=0.2)

    await settled(simulator)
    assert outcomes(simulator) == [("hung", False)]


@BOTH
@STREAMED
async def test_a_client_that_leaves_before_the_answer_pays_nothing(
    client: AsyncOpenAI, simulator: RunningSimulator, api: Api, streamed: bool
) -> None:
    with pytest.raises(openai.APITimeoutError):
        await ask(client, api, "[[sim: latency_ms=60000]]", streamed=streamed, timeout=0.2)

    await settled(simulator)
    assert outcomes(simulator) == [("client_gone", False)]


@BOTH
async def test_a_client_that_leaves_a_stream_pays_for_the_answer(
    client: AsyncOpenAI, simulator: RunningSimulator, api: Api
) -> None:
    with pytest.raises(openai.APITimeoutError):
        await ask(client, api, "[[sim: chunk_ms=60000]] hello", streamed=True, timeout=0.2)

    await settled(simulator)
    assert outcomes(simulator) == [("client_gone", True)]
    assert entries(simulator)[0]["output_tokens"] > 0


async def test_stopping_ends_calls_in_flight_and_books_them(
    client: AsyncOpenAI, simulator: RunningSimulator
) -> None:
    texts = ["[[sim: hang]]", "[[sim: latency_ms=60000]]"]
    calls = [asyncio.create_task(ask(client, "responses", text)) for text in texts]
    async with asyncio.timeout(5):
        while simulator.in_flight < len(calls):
            await asyncio.sleep(0.01)

    await simulator.stop()

    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result) for result in results] == [openai.APIConnectionError] * 2
    assert sorted(outcomes(simulator)) == [("hung", False), ("server_stopped", False)]
