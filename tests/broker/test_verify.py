"""penstock verify judges what a real worker made of real traffic."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from app.simulator.server import RunningSimulator
from schemas.partitions import partition_for
from tests.broker.crew import COMMAND, ROOT, Crew, Sent, request
from tests.broker.test_bad_records import sent as as_sent
from tests.doubles import bad_records

LIMIT = 40
CONVERSATIONS, TURNS = 4, 5
ABOUT_REQUESTS = (
    "one_outcome",
    "nothing_lost",
    "session_order",
    "limits_hold",
    "committed_is_safe",
    "deltas",
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What the command said."""

    code: int
    report: dict[str, Any]
    errors: str

    def __getitem__(self, promise: str) -> dict[str, Any]:
        """What it said of one promise."""
        found: dict[str, Any] = next(one for one in self.report["promises"] if one["promise"] == promise)
        return found

    @property
    def breaches(self) -> dict[str, list[dict[str, Any]]]:
        """Examples, by promise."""
        return {one["promise"]: one["examples"] for one in self.report["promises"] if one["breached"]}


async def verify(crew: Crew, *arguments: str) -> Judged:
    environment = {
        "PENSTOCK_KAFKA_BOOTSTRAP": crew.kafka.bootstrap,
        "PENSTOCK_TOPIC_PREFIX": crew.kafka.topic_prefix,
        "PENSTOCK_APP_ID": crew.kafka.app_id,
        "PENSTOCK_REQUESTS_PER_MINUTE": str(LIMIT),
    }
    ledger = ("--ledger", str(crew.folder / "ledger.jsonl"))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "verify", "--json", *ledger, *arguments),
        env=dict(os.environ, **environment),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, errors = await process.communicate()
    assert process.returncode is not None
    return Judged(process.returncode, json.loads(said or b"{}"), errors.decode())


@pytest.fixture
async def working(crew: Crew, models: RunningSimulator) -> Crew:
    """With one worker, started as users start it."""
    await crew.ready(crew.start(command=COMMAND, requests_per_minute=LIMIT))
    return crew


def ask(request_id: str, tenant: str = "acme", steering: str = "", **more: Any) -> Sent:
    """To an agent that always exists."""
    text = f"hello {request_id} [[sim: {steering}]]" if steering else f"hello {request_id}"
    return request(request_id, tenant, text, agent=more.pop("agent", "support"), **more)


def conversations() -> list[Sent]:
    """Interleaved, every other one streamed."""
    return [
        ask(f"s{number}-{turn}", f"tenant-{number}", "latency_ms=20", session_id="s", stream=turn % 2 == 0)
        for turn in range(TURNS)
        for number in range(CONVERSATIONS)
    ]


TROUBLE = (
    ask("tool", steering='tool=lookup_order args={"order":7}', stream=True),
    ask("hand-off", steering="tool=transfer_to_billing", stream=True),
    ask("thinks", steering='reasoning="Let me see." text="At sea."', stream=True),
    ask("long", steering="deltas=50 chunk_ms=2", stream=True),
    ask("fails", steering="fail=503", session_id="t", stream=True),
    ask("rejected", steering="fail=400"),
    ask("cut", steering="drop_after=3", stream=True),
    ask("cut-too", steering="drop_after=3"),
    ask("garbled", steering="malformed"),
    ask("too-late", deadline="2020-01-01T00:00:00Z", stream=True),
    ask("late", steering="latency_ms=3000", deadline="2026-01-01T00:00:00Z", session_id="t"),
    ask("nobody", agent="nobody", stream=True),
    ask("no-turns", max_turns=0, stream=True),
    ask("one-turn", steering='tool=lookup_order args={"order":7}', max_turns=1, stream=True),
    ask("plans", agent="research"),
)
CLASHES = (ask("clash"), ask("clash"), ask("clash", steering='text="Another body."'), ask("clash"))


async def abort(crew: Crew, *records: Sent) -> None:
    """Requests that their producer took back."""
    producer = AIOKafkaProducer(
        bootstrap_servers=crew.kafka.bootstrap, transactional_id=crew.topic("producer")
    )
    async with producer:
        await producer.begin_transaction()
        for one in records:
            place = partition_for(one.key or b"", crew.kafka.partitions)
            await producer.send_and_wait(crew.topic("requests"), one.value, key=one.key, partition=place)
        await producer.abort_transaction()


async def send_all(crew: Crew) -> Sequence[Sent]:
    """A bit of everything; returns what can be decoded, once."""
    bad = [as_sent(one) for one in bad_records.DEAD_LETTERED]
    misplaced = Sent(ask("misplaced").value, b"acme", (partition_for(b"acme", crew.kafka.partitions) + 1) % 4)
    await abort(crew, ask("aborted"), ask("aborted-too", "tenant-1"))
    await crew.send(*conversations(), *TROUBLE, *bad, misplaced, *CLASHES)
    flood = [ask(f"f{number}", "flood", over_limit="refuse") for number in range(LIMIT + 20)]
    await crew.send(*flood, *CLASHES[:1])
    return [*conversations(), *TROUBLE, CLASHES[0], *flood]


async def test_everything_that_a_worker_does_keeps_the_promises(working: Crew) -> None:
    sent = await send_all(working)
    await working.responses(len(sent))
    await working.caught_up()

    judged = await verify(working)

    assert judged.breaches == {}
    assert judged.code == 0, judged.errors
    assert {one["promise"] for one in judged.report["promises"] if one["verdict"] != "held"} == {"fair"}
    assert judged["one_outcome"]["checked"] == len(sent)
    assert judged["nothing_lost"]["checked"] == len(sent) + 4 + len(bad_records.DEAD_LETTERED) + 1
    assert judged["session_order"]["checked"] >= CONVERSATIONS * TURNS
    books = judged.report["books"]
    assert books["settled"]["calls"] == books["ledger"]["calls"] > LIMIT
    assert {key: books["settled"][key] for key in books["ledger"]} == books["ledger"]
    assert books["unknown"]["calls"] >= 2


async def test_what_is_still_under_way_is_held_against_nobody(working: Crew) -> None:
    await working.send(*conversations(), ask("hangs", steering="hang", stream=True))
    await working.responses(CONVERSATIONS * TURNS)

    judged = await verify(working)

    assert judged.breaches == {}
    assert judged.code == 0, judged.errors
    assert judged["one_outcome"]["checked"] == CONVERSATIONS * TURNS
    assert judged["one_outcome"]["why"] == {"not done yet: its offset is not committed": 1}


async def test_a_kill_breaks_no_promise_about_requests(working: Crew) -> None:
    under_way = [ask(f"u{n}", f"tenant-{n}", "latency_ms=300 chunk_ms=20", stream=True) for n in range(8)]
    await working.send(*conversations(), *under_way)
    await working.responses(1)
    working.workers[0].kill()
    await working.ready(working.start(command=COMMAND, requests_per_minute=LIMIT))
    await working.responses(CONVERSATIONS * TURNS + 8)
    await working.caught_up()

    judged = await verify(working)

    assert {promise: judged.breaches.get(promise) for promise in ABOUT_REQUESTS} == dict.fromkeys(
        ABOUT_REQUESTS
    )
    assert judged["one_outcome"]["checked"] == CONVERSATIONS * TURNS + 8


async def test_what_somebody_else_writes_is_found(working: Crew) -> None:
    await working.send(ask("r1"), ask("r2"))
    responses = await working.responses(2)
    place = partition_for(b"acme", working.kafka.partitions)
    forged = json.dumps(responses[0]).encode()
    async with AIOKafkaProducer(bootstrap_servers=working.kafka.bootstrap) as producer:
        sent = await producer.send_and_wait(working.topic("responses"), forged, key=b"acme", partition=place)
        await producer.send_and_wait(working.topic("deltas"), b"?", key=b"acme", partition=place)

    judged = await verify(working)

    assert judged.code == 1
    assert set(judged.breaches) == {"one_outcome", "deltas"}
    [breach] = judged.breaches["one_outcome"]
    assert breach["where"] == f"{working.topic('responses')}[{place}]@{sent.offset}"
    assert (breach["tenant_id"], breach["request_id"]) == ("acme", responses[0]["request_id"])


async def test_without_traffic_nothing_is_judged(crew: Crew) -> None:
    (crew.folder / "ledger.jsonl").touch()

    judged = await verify(crew)

    assert (judged.code, judged.report["verdict"]) == (2, "unjudged")


async def test_a_dump_is_judged_like_the_topics(working: Crew) -> None:
    await working.send(*conversations())
    await working.responses(CONVERSATIONS * TURNS)
    await working.caught_up()
    folder = str(working.folder / "dump")

    live = await verify(working, "--record", folder)
    again = await verify(working, "--dump", folder)

    assert live.code == again.code == 0
    assert live.report == again.report
