"""What is too large is said to be, byte by byte, and holds up nothing."""

import asyncio
import base64
import json
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from tests.broker.crew import Crew, Sent, request
from tests.broker.fixtures import LARGEST_INPUT, LARGEST_REQUEST


@pytest.fixture
def name() -> str:
    """What no other test calls its requests."""
    return uuid4().hex[:10]


def filled(request_id: str, size: int) -> Sent:
    """A request of exactly so many bytes, whose input is small."""
    empty = request(request_id, more="")
    return request(request_id, more="x" * (size - len(empty.value or b"")))


async def test_a_record_may_be_as_large_as_the_limit_and_no_larger(standing_crew: Crew, name: str) -> None:
    sizes = {LARGEST_REQUEST + off: f"{name}-{off}" for off in (-1, 0, 1)}
    batch = [filled(request_id, size) for size, request_id in sizes.items()]
    assert [len(one.value or b"") for one in batch] == list(sizes)

    places = await standing_crew.send(*batch)

    await standing_crew.responses_to([f"{name}--1", f"{name}-0"])
    (letter,) = await standing_crew.letters_for(places[2:])
    assert letter["code"] == "oversize"
    assert base64.b64decode(letter["original"]["value"]) == batch[2].value
    assert "request_id" not in letter


async def test_an_input_may_be_as_large_as_the_limit_and_no_larger(standing_crew: Crew, name: str) -> None:
    await standing_crew.send(
        *(request(f"{name}-{off}", text="x" * (LARGEST_INPUT + off)) for off in (-1, 0, 1)),
        *(request(f"{name}-two-{off}", text="é" * (LARGEST_INPUT // 2 + off)) for off in (0, 1)),
    )

    answered = await standing_crew.responses_to(
        [f"{name}--1", f"{name}-0", f"{name}-1", f"{name}-two-0", f"{name}-two-1"]
    )

    statuses = {request_id.removeprefix(name): one["status"] for request_id, one in answered.items()}
    assert statuses == {
        "--1": "completed",
        "-0": "completed",
        "-1": "refused",
        "-two-0": "completed",
        "-two-1": "refused",
    }
    assert "PENSTOCK_MAX_INPUT_BYTES" in answered[f"{name}-1"]["error"]["message"]


async def test_an_answer_that_no_record_holds_is_a_failure(standing_crew: Crew, name: str) -> None:
    asked = request(f"{name}-book", agent="author", text="[[sim: tool=write_a_book]]", stream=True)

    places = await standing_crew.send(asked, request(f"{name}-next"))

    answered = await standing_crew.responses_to([f"{name}-book", f"{name}-next"])
    (letter,) = await standing_crew.letters_for(places[:1])
    failed = answered[f"{name}-book"]
    assert (failed["status"], failed["error"]["code"]) == ("failed", "output_too_large")
    assert failed["usage"]["model_calls"] == 1
    assert letter["code"] == "output_too_large"
    assert answered[f"{name}-next"]["status"] == "completed"


async def test_a_record_cannot_hide_its_size_by_compression(standing_crew: Crew, name: str) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=standing_crew.kafka.bootstrap, compression_type="gzip", max_request_size=50_000_000
    ) as producer:
        with pytest.raises(MessageSizeTooLargeError):
            await producer.send_and_wait(standing_crew.topic("requests"), b"x" * 40_000_000, key=b"acme")

    await standing_crew.send(request(f"{name}-next"))
    await standing_crew.responses_to([f"{name}-next"])


async def test_metadata_and_trace_of_any_size_hold_up_no_answer(standing_crew: Crew, name: str) -> None:
    metadata = {f"key-{number}": "\u0001" * 1_500 for number in range(16)}
    huge_state = ("tracestate", b"a=" + b"x" * 50_000)

    await standing_crew.send(request(f"{name}-1", metadata=metadata, headers=[huge_state]))

    answered = await standing_crew.responses_to([f"{name}-1"])
    assert answered[f"{name}-1"]["metadata"] == metadata


async def test_many_large_answers_at_once_all_arrive(standing_crew: Crew, name: str) -> None:
    texts = [json.dumps("y" * 60_000) for _ in range(30)]
    ids = [f"{name}-{number}" for number in range(30)]

    await standing_crew.send(
        *(
            request(request_id, f"{name}-t{number % 5}", f"[[sim: text={text}]]")
            for number, (request_id, text) in enumerate(zip(ids, texts, strict=True))
        )
    )

    async with asyncio.timeout(60):
        answered = await standing_crew.responses_to(ids)
    assert {len(one["output"]) for one in answered.values()} == {60_000}
