"""The simulator over HTTP, seen by the official client: answers, streams, usage, and the ledger."""

import asyncio
import time
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel

from app.simulator import exchange, ledger
from app.simulator.options import SimulatorOptions
from app.simulator.server import RunningSimulator, start
from tests.broker.simulator_calls import Api, ask, entries, outcomes

BOTH = pytest.mark.parametrize("api", ["responses", "chat"])
STREAMED = pytest.mark.parametrize("streamed", [False, True])
TOOL: dict[str, Any] = {
    "type": "function",
    "name": "lookup_order",
    "parameters": {"type": "object", "properties": {"order": {"type": "integer"}}},
}
CHAT_TOOL: dict[str, Any] = {"type": "function", "function": {"name": "lookup_order", "parameters": {}}}


@BOTH
async def test_a_streamed_answer_reads_the_same_as_a_whole_one(client: AsyncOpenAI, api: Api) -> None:
    whole = await ask(client, api, "Where is it?")
    streamed = await ask(client, api, "Where is it?", streamed=True)

    assert whole == streamed
    assert whole.endswith(' to "Where is it?".')


async def test_the_client_s_own_accumulators_accept_the_streams(client: AsyncOpenAI) -> None:
    text = '[[sim: tool=lookup_order args={"order":7} tool=lookup_order args={"order":8} reasoning="hm"]]'

    async with client.responses.stream(model="m", input=text, tools=[TOOL]) as responses:  # type: ignore[list-item]  # a plain dict
        response = await responses.get_final_response()
    async with client.chat.completions.stream(
        model="m",
        messages=[{"role": "user", "content": text}],
        tools=[CHAT_TOOL],  # type: ignore[list-item]  # a plain dict
        stream_options={"include_usage": True},
    ) as chat:
        completion = await chat.get_final_completion()

    orders = ['{"order":7}', '{"order":8}']
    assert [item.arguments for item in response.output if item.type == "function_call"] == orders
    assert [item.summary[0].text for item in response.output if item.type == "reasoning"] == ["hm"]
    calls = completion.choices[0].message.tool_calls or []
    assert [call.function.arguments for call in calls] == orders
    assert completion.choices[0].finish_reason == "tool_calls"
    assert completion.usage is not None
    assert completion.usage.completion_tokens_details is not None
    assert completion.usage.completion_tokens_details.reasoning_tokens == 1


async def test_structured_answers_parse_into_the_type_that_was_asked_for(client: AsyncOpenAI) -> None:
    class Verdict(BaseModel):
        reason: str
        fine: bool

    response = await client.responses.parse(model="m", input="x", text_format=Verdict)
    completion = await client.chat.completions.parse(
        model="m", messages=[{"role": "user", "content": "x"}], response_format=Verdict
    )

    assert response.output_parsed is not None
    assert response.output_parsed.reason.startswith("Simulated answer")
    assert completion.choices[0].message.parsed is not None


@BOTH
@STREAMED
async def test_usage_and_ledger_agree(
    client: AsyncOpenAI, simulator: RunningSimulator, api: Api, streamed: bool
) -> None:
    headers = {"X-Client-Request-Id": "run-1/0/0/1"}
    usage: Any
    if api == "responses":
        async with client.responses.stream(model="gpt-5.4", input="hello", extra_headers=headers) as stream:
            usage = (await stream.get_final_response()).usage
        said = (usage.input_tokens, usage.output_tokens)
    else:
        completion = await client.chat.completions.create(
            model="gpt-5.4", messages=[{"role": "user", "content": "hello"}], extra_headers=headers
        )
        usage = completion.usage
        said = (usage.prompt_tokens, usage.completion_tokens)

    (entry,) = entries(simulator)
    assert (entry["input_tokens"], entry["output_tokens"]) == said
    assert said[0] > 0
    assert said[1] > 0
    assert usage.total_tokens == sum(said)
    assert entry["call_id"] == "run-1/0/0/1"
    assert (entry["api"], entry["model"], entry["streamed"]) == (api, "gpt-5.4", api == "responses")
    assert (entry["cached_tokens"], entry["reasoning_tokens"]) == (0, 0)
    assert len(entry["input_sha256"]) == 64
    assert entry["at"].endswith("Z")


@BOTH
async def test_the_pace_is_the_one_asked_for(client: AsyncOpenAI, api: Api) -> None:
    now = time.monotonic()

    await ask(client, api, "[[sim: latency_ms=100 chunk_ms=20 deltas=6]] hello", streamed=True)

    assert 0.2 <= time.monotonic() - now < 5


@BOTH
async def test_bad_steering_is_refused_by_the_word(
    client: AsyncOpenAI, simulator: RunningSimulator, api: Api
) -> None:
    with pytest.raises(openai.BadRequestError, match=r"'speed' is unknown.*\[\[sim: latency_ms=N") as caught:
        await ask(client, api, "[[sim: speed=9]]")

    assert caught.value.code == "invalid_steering"
    assert outcomes(simulator) == [("rejected_400", False)]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"model": 7}',
        '{"model": "m", "input": "x", "tools": 7}',
        '{"model": "m", "text": 7}',
        '{"model": "m", "input": "x", "max_output_tokens": "many"}',
    ],
)
async def test_a_body_that_is_no_request_is_refused_and_booked(
    client: AsyncOpenAI, simulator: RunningSimulator, body: str
) -> None:
    with pytest.raises(openai.BadRequestError):
        await client.post("/responses", cast_to=object, content=body.encode())

    assert outcomes(simulator) == [("rejected_400", False)]


async def test_an_error_of_our_own_is_booked_as_one(
    client: AsyncOpenAI, simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(exchange, "compose", broken)

    with pytest.raises(openai.InternalServerError):
        await ask(client, "chat", "hello")

    assert outcomes(simulator) == [("failed_500", False)]


async def test_a_prompt_of_several_megabytes_is_read(client: AsyncOpenAI) -> None:
    response = await client.responses.create(model="m", input="x" * 3_000_000)

    assert response.usage is not None
    assert response.usage.input_tokens > 700_000


async def test_models_are_listed_and_other_paths_named_as_missing(client: AsyncOpenAI) -> None:
    models = [model.id async for model in client.models.list()]

    assert "gpt-5.4" in models
    with pytest.raises(openai.NotFoundError, match="POST /v1/responses"):
        await client.embeddings.create(model="m", input="x")


async def test_a_thousand_calls_in_flight_are_each_answered_and_booked_once(
    client: AsyncOpenAI, simulator: RunningSimulator
) -> None:
    texts = [f"[[sim: latency_ms=300]] number {number}" for number in range(1000)]

    answers = await asyncio.gather(*(ask(client, "responses", text, timeout=60) for text in texts))

    assert len(set(answers)) == 1000
    assert outcomes(simulator) == [("ok", True)] * 1000


async def test_a_ledger_is_continued_by_the_next_simulator(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"

    for _ in range(2):
        running = await start(SimulatorOptions(ledger=path))
        async with AsyncOpenAI(base_url=running.base_url, api_key="any") as client:
            await ask(client, "chat", "hello")
        await running.stop()

    assert [entry["outcome"] for entry in ledger.read(path)] == ["ok", "ok"]
