"""Runs go on from what is recorded, on whichever worker, after crashes, waits and decisions."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from app.simulator.ledger import read as read_ledger
from app.simulator.server import RunningSimulator
from schemas.partitions import partition_for
from schemas.times import format_at
from tests.broker.crew import Crew, Sent, request, until
from tests.broker.topic_reader import read_all

THREE_STEPS = '[[sim: latency_ms=400 tool=look_up args={"order":1} then tool=look_up args={"order":2}]]'
REFUND = '[[sim: tool=refund args={"order":7}]]'


def billed(models: RunningSimulator) -> list[str]:
    """The ids of all model calls that were answered, without attempt and try."""
    assert models.ledger_path is not None
    calls = [unquote(entry["call_id"]) for entry in read_ledger(models.ledger_path) if entry["billed"]]
    return [call.rpartition(".")[0] for call in calls]


async def usage_of(crew: Crew) -> list[dict[str, Any]]:
    return [json.loads(record.value) for record in await crew.read("usage")]


async def left_parked(crew: Crew) -> list[bytes | None]:
    records = await read_all(crew.kafka.bootstrap, f"{crew.kafka.app_id}-parked")
    latest = {record.key: record.value for record in records}
    return [value for value in latest.values() if value is not None]


async def command(crew: Crew, tenant_id: str = "acme", **fields: Any) -> None:
    from aiokafka import AIOKafkaProducer

    async with AIOKafkaProducer(bootstrap_servers=crew.kafka.bootstrap) as producer:
        key = tenant_id.encode()
        partition = partition_for(key, crew.kafka.partitions)
        await producer.send_and_wait(
            crew.topic("control"), json.dumps(fields).encode(), key=key, partition=partition
        )


async def approval(crew: Crew, number: int = 1) -> dict[str, Any]:
    """The newest delta that asks for a decision, when there are so many."""
    async with asyncio.timeout(30):
        while True:
            asked = [one["data"] for one in await crew.deltas() if one["kind"] == "approval_required"]
            if len(asked) >= number:
                latest: dict[str, Any] = asked[-1]
                return latest
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_run_that_is_cut_off_asks_nothing_again_that_was_recorded(
    crew: Crew, models: RunningSimulator, streamed: bool
) -> None:
    first = crew.start(worker_id="w")
    await crew.send(request("r-1", text=THREE_STEPS, session_id="s", stream=streamed))
    await until(lambda: models.calls == 2 and models.in_flight == 1)
    first.kill()

    crew.start(worker_id="w")
    answered = await crew.answered(1, within_s=40)

    assert answered["r-1"]["status"] == "completed"
    assert answered["r-1"]["attempts"] == 2
    names = billed(models)
    assert names.count("acme/r-1/0/m0") == 1
    assert len(set(names)) == 3
    await crew.caught_up()
    usage = await usage_of(crew)
    assert sorted(one["state"] for one in usage) == ["settled", "settled", "settled", "unknown"]
    if streamed:
        deltas = await crew.deltas()
        superseded = [one["data"]["from_turn"] for one in deltas if one["kind"] == "superseded"]
        assert superseded in ([0], [1])
        latest = [one for one in deltas if one["attempt"] == 2]
        assert [one["seq"] for one in latest] == list(range(len(latest)))
        last_turn = max(one["turn"] for one in latest if one["kind"] == "text")
        text = "".join(
            one["data"]["text"] for one in latest if (one["kind"], one["turn"]) == ("text", last_turn)
        )
        assert text == answered["r-1"]["output"]


async def test_an_approved_tool_call_goes_on_on_another_worker(crew: Crew, models: RunningSimulator) -> None:
    first = crew.start(worker_id="w")
    await crew.send(request("r-1", text=REFUND, stream=True), request("r-2", text="hello"))
    asked = await approval(crew)
    await crew.caught_up()
    first.kill()
    crew.start(worker_id="w")

    await command(
        crew,
        command="approve",
        approval_id=asked["approval_id"],
        arguments_digest=asked["arguments_digest"],
        actor="ada",
    )
    answered = await crew.answered(2, within_s=40)

    assert "refunded 7" in answered["r-1"]["output"]
    assert len(answered["r-1"]["runs"]) == 2
    assert billed(models).count("acme/r-1/0/m0") == 1
    await crew.caught_up()
    (audit,) = [json.loads(one.value) for one in await crew.read("audit") if b"approve" in one.value]
    assert (audit["actor"], audit["outcome"]) == ("ada", "done")
    assert await left_parked(crew) == []


async def test_a_rejected_tool_call_is_not_made_and_the_run_goes_on(
    crew: Crew, models: RunningSimulator
) -> None:
    crew.start()
    await crew.send(request("r-1", text=REFUND, stream=True))
    asked = await approval(crew)

    await command(crew, command="reject", approval_id=asked["approval_id"], actor="ada", reason="too much")
    answered = await crew.answered(1, within_s=40)

    assert answered["r-1"]["status"] == "completed"
    assert "refunded" not in answered["r-1"]["output"]


async def test_a_request_for_later_survives_its_worker(crew: Crew) -> None:
    first = crew.start(worker_id="w")
    due = datetime.now(UTC) + timedelta(seconds=8)
    await crew.send(request("r-1", not_before=format_at(due)), request("r-2"))
    await crew.answered(1)
    await crew.caught_up()
    first.kill()

    crew.start(worker_id="w")
    answered = await crew.answered(2, within_s=40)

    assert answered["r-1"]["started_at"] >= format_at(due)
    assert await left_parked(crew) == []


async def test_a_running_request_is_cancelled(crew: Crew, models: RunningSimulator) -> None:
    crew.start()
    await crew.send(request("r-1", text="[[sim: latency_ms=60000]]"))
    await until(lambda: models.in_flight == 1)

    await command(crew, command="cancel", request_id="r-1", actor="ada")
    answered = await crew.answered(1)

    assert answered["r-1"]["status"] == "cancelled"
    await until(lambda: models.in_flight == 0)
    assert [one["state"] for one in await usage_of(crew)] == ["unknown"]


async def test_a_long_run_releases_its_offset_and_is_not_paid_again(
    crew: Crew, models: RunningSimulator
) -> None:
    first = crew.start(worker_id="w", park_after_s=0.5)
    text = THREE_STEPS.replace("400", "1500")
    await crew.send(request("r-1", text=text), Sent(b"rubbish", b"acme"))
    await until(lambda: models.calls == 2)
    await crew.caught_up()
    first.kill()

    crew.start(worker_id="w", park_after_s=0.5)
    answered = await crew.answered(1, within_s=40)

    assert answered["r-1"]["status"] == "completed"
    assert billed(models).count("acme/r-1/0/m0") == 1
    usage = [one["call_id"] for one in await usage_of(crew)]
    assert len(usage) == len(set(usage))


async def test_a_failed_request_that_is_replayed_pays_only_for_what_is_missing(
    crew: Crew, models: RunningSimulator
) -> None:
    crew.start()
    text = '[[sim: tool=look_up args={"order":1} then tool=breaks_the_run]]'
    await crew.send(request("r-1", text=text))
    (letter,) = await crew.dead_letters(1)

    await command(crew, command="replay", dead_letter_id=letter["dead_letter_id"], actor="ada")
    responses = await crew.responses(2)

    assert [one["generation"] for one in responses] == [0, 1]
    assert [one["status"] for one in responses] == ["failed", "failed"]
    assert len(billed(models)) == 2  # both turns were recorded; the tool alone was called again
    assert responses[1]["usage"]["model_calls"] == 0
