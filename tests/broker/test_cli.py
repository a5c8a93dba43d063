"""The commands on a real Kafka: topics, send and tail."""

import asyncio
import signal
from collections.abc import Iterable
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer

from app.brokers.broker import BrokerHandle
from schemas.deltas import Delta, DeltaKind
from schemas.failures import Code
from schemas.partitions import partition_for
from schemas.responses import ResponseError, Source, Status
from streams.options import KafkaOptions
from streams.topics import RESPONSES, TOPICS
from tests.broker.stand_in_worker import PARTITIONS, StandIn, Told, ended
from tests.doubles.outcomes import AT, dead_letter, response

ASK = ("send", "--tenant", "acme", "--timeout", "30s")


def echo(record: Any, request: dict[str, Any]) -> Iterable[Told]:
    """Says what was asked; `fail …` fails."""
    failed = str(request["input"]).startswith("fail")
    yield response(
        request_id=request["request_id"],
        tenant_id=request["tenant_id"],
        status=Status.FAILED if failed else Status.COMPLETED,
        output=None if failed else f"You said: {request['input']}",
        error=ResponseError.of(Code.TOOL_FAILED) if failed else None,
        source=Source(topic=record.topic, partition=record.partition, offset=record.offset),
    )


def silent(_: Any, __: dict[str, Any]) -> Iterable[Told]:
    """Says nothing."""
    return ()


async def test_topics_are_created_once_and_checked(kafka: BrokerHandle, topic_prefix: str) -> None:
    new = StandIn(KafkaOptions(kafka.bootstrap, topic_prefix, PARTITIONS, app_id=topic_prefix.strip(".")))
    other = StandIn(KafkaOptions(kafka.bootstrap, topic_prefix, 5, app_id=topic_prefix.strip(".")))

    before = await new.run("topics", "check")
    created = await new.run("topics", "create", "--json")
    again = await new.run("topics", "create")
    after = await new.run("topics", "check", "--json")
    refused = await other.run("topics", "create")
    described = await new.run("topics", "describe", "responses", "--json")

    assert (before.code, "penstock topics create" in before.err) == (1, True)
    assert created.code == 0
    assert len(orjson.loads(created.out)["created"]) == len(TOPICS)
    assert [line.split()[0] for line in again.out.splitlines()] == ["exists"] * len(TOPICS)
    assert (after.code, orjson.loads(after.out)["ok"]) == (0, True)
    assert refused.code == 2
    assert "nothing was created" in refused.err
    assert f"set PENSTOCK_PARTITIONS={PARTITIONS}" in refused.err
    (facts,) = orjson.loads(described.out)["topics"]
    assert (facts["partitions"], facts["config"]) == (PARTITIONS, RESPONSES.config())


async def test_an_answer_is_the_output_and_its_figures_stand_beside_it(stand_in: StandIn) -> None:
    async with stand_in.answering(echo):
        done = await stand_in.run(*ASK, "hello", "-m", "color=red", "--session", "s-1", "--deadline", "1h")

    (record,) = stand_in.seen
    request = orjson.loads(record.value)
    assert (done.code, done.out) == (0, "You said: hello\n")
    assert done.err.startswith("completed · support@1 (orders) · gpt-5.4-mini · 2 turns · 100 + 20 tokens")
    assert (record.key, record.partition) == (b"acme", partition_for(b"acme", PARTITIONS))
    assert dict(record.headers) == {"schema": b"agent-request/1"}
    assert (request["metadata"], request["session_id"]) == ({"color": "red"}, "s-1")
    assert request["deadline"] > request["created_at"]


async def test_a_request_that_fails_ends_with_one(stand_in: StandIn) -> None:
    async with stand_in.answering(echo):
        failed = await stand_in.run(*ASK, "fail please")
        as_json = await stand_in.run(*ASK, "--json", "fail please")

    assert (failed.code, failed.out) == (1, "")
    assert failed.err.startswith("tool_failed: A tool of the agent failed for good")
    assert (as_json.code, orjson.loads(as_json.out)["error"]["code"]) == (1, "tool_failed")


async def test_a_file_is_sent_and_every_line_has_its_outcome(stand_in: StandIn) -> None:
    lines = [{"input": f"n {number}", "tenant_id": f"t{number % 5}"} for number in range(40)]
    lines[7]["input"] = "fail this"
    file = "".join(orjson.dumps(line).decode() + "\n" for line in [*lines, {"input": 5}])

    async with stand_in.answering(echo):
        refused = await stand_in.run("send", "--file", "-", stdin=file)
        done = await stand_in.run("send", "--file", "-", "--skip-bad", stdin=file)
        as_json = await stand_in.run("send", "--file", "-", "--json", stdin=file.rsplit("\n", 2)[0])

    assert (refused.code, refused.out) == (2, "")
    assert "nothing was sent: 1 of 41 lines are bad" in refused.err
    assert done.code == 1
    told = sorted(done.out.splitlines(), key=lambda line: int(line.split()[1]))
    assert len(told) == 40
    assert "failed  tool_failed" in told[7]
    assert told[8].endswith("completed  You said: n 8")
    assert "39 completed, 1 failed · 4800 tokens · $0.048" in done.err
    answers = [orjson.loads(line) for line in as_json.out.splitlines()]
    assert (as_json.code, len({answer["request_id"] for answer in answers})) == (1, 40)
    assert len(stand_in.seen) == 80


def say(
    request: dict[str, Any],
    attempt: int,
    seq: int,
    kind: str,
    data: dict[str, Any],
    turn: int = 0,
    at: int = 0,
) -> Delta:
    return Delta(
        request_id=request["request_id"],
        tenant_id=request["tenant_id"],
        attempt=attempt,
        seq=seq,
        turn=turn,
        at_char=at,
        kind=DeltaKind(kind),
        data=data,
        at=AT,
    )


def crash_once(record: Any, request: dict[str, Any]) -> Iterable[Told]:
    """Another request's deltas, a first attempt that is lost, and a second one that answers."""
    yield say({**request, "request_id": "another"}, 1, 0, "text", {"text": "not mine"})
    yield say(request, 1, 0, "text", {"text": "This is "})
    yield say(request, 1, 1, "text", {"text": "lost"}, at=8)
    yield say(request, 2, 0, "superseded", {"from_turn": 0})
    yield say(request, 2, 1, "tool_called", {"name": "lookup", "call_id": "c", "arguments": "{}"})
    yield say(request, 1, 2, "text", {"text": " and late"}, at=12)
    yield say(request, 2, 2, "text", {"text": "You said: "}, turn=1)
    yield say(request, 2, 3, "text", {"text": str(request["input"])}, turn=1, at=10)
    yield from echo(record, request)
    yield say(request, 2, 4, "end", {"status": "completed"}, turn=1)


async def test_a_stream_is_shown_as_it_is_said_and_superseded_text_is_marked(stand_in: StandIn) -> None:
    async with stand_in.answering(crash_once):
        done = await stand_in.run(*ASK, "--stream", "hello")

    assert (done.code, done.out) == (0, "This is lost\nYou said: hello\n")
    notes = done.err.splitlines()
    assert notes[0].startswith("[attempt 2: the worker changed")
    assert notes[1] == "[tool lookup({})]"
    assert notes[2].startswith("completed · ")


async def test_a_record_that_could_not_be_taken_is_heard_of(stand_in: StandIn) -> None:
    def bury(record: Any, _: dict[str, Any]) -> Iterable[Told]:
        source = dead_letter().source.model_copy(
            update={"topic": record.topic, "partition": record.partition, "offset": record.offset}
        )
        yield dead_letter(Code.BAD_SIGNATURE).model_copy(update={"source": source})

    async with stand_in.answering(bury):
        buried = await stand_in.run(*ASK, "hello")

    assert (buried.code, buried.out) == (1, "")
    assert buried.err.startswith("bad_signature: used before\ndead letter dl_1")


async def test_where_nobody_answers_it_is_said_and_ends_with_three(stand_in: StandIn) -> None:
    left = await stand_in.run("send", "-t", "acme", "--timeout", "12s", "--request-id", "r-7", "hello")

    assert (left.code, left.out) == (3, "")
    lonely, nobody = left.err.splitlines()
    assert lonely.startswith("no worker is in the group")
    assert "no answer within 12.0 s to 1 requests (r-7)" in nobody
    assert "penstock tail responses --from beginning --request r-7" in nobody


async def test_only_what_is_committed_and_came_after_the_request_is_an_answer(stand_in: StandIn) -> None:
    bootstrap, partition = stand_in.kafka.bootstrap, partition_for(b"acme", PARTITIONS)
    # More than one fetch brings, so that a reader from the beginning meets it while it waits.
    earlier = response(request_id="r-1", output="from before" + "!" * 700_000)
    writer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    unsure = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=f"{stand_in.kafka.app_id}-tx")
    async with writer, unsure:
        for _ in range(4):
            await stand_in.tell(writer, earlier, b"acme", partition)
        async with stand_in.answering(silent):
            process = await stand_in.start(*ASK, "--request-id", "r-1", "hello")
            await stand_in.asked()
            await unsure.begin_transaction()
            await stand_in.tell(unsure, response(output="aborted"), b"acme", partition)
            await unsure.abort_transaction()
            await stand_in.tell(writer, response(output="the answer"), b"acme", partition)
        done = await ended(process)

    assert (done.code, done.out) == (0, "the answer\n")


async def test_one_may_send_and_not_wait(stand_in: StandIn) -> None:
    sent = await stand_in.run(*ASK, "--no-wait", "--json", "--request-id", "r-1", "hello")

    assert sent.code == 0
    assert orjson.loads(sent.out) == {
        "request_id": "r-1",
        "tenant_id": "acme",
        "topic": f"{stand_in.kafka.topic_prefix}requests",
        "partition": partition_for(b"acme", PARTITIONS),
        "offset": 0,
    }


async def test_ctrl_c_while_waiting_says_what_goes_on(stand_in: StandIn) -> None:
    async with stand_in.answering(silent):
        process = await stand_in.start(*ASK, "hello")
        await stand_in.asked()
    process.send_signal(signal.SIGINT)
    stopped = await ended(process)

    assert stopped.code == 130
    assert stopped.err.splitlines()[-1] == "stopped waiting for 1 of 1 requests; they go on"


async def fill(stand_in: StandIn) -> None:
    """Responses of three tenants, some failed, one aborted."""
    bootstrap = stand_in.kafka.bootstrap
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as writer:
        for number in range(9):
            tenant = f"t{number % 3}"
            status = Status.FAILED if number == 4 else Status.COMPLETED
            told = response(request_id=f"r-{number}", tenant_id=tenant, status=status)
            await stand_in.tell(writer, told, tenant.encode(), partition_for(tenant.encode(), PARTITIONS))
    unsure = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=f"{stand_in.kafka.app_id}-tx")
    async with unsure:
        await unsure.begin_transaction()
        place = partition_for(b"t0", PARTITIONS)
        await stand_in.tell(unsure, response(request_id="aborted", tenant_id="t0"), b"t0", place)
        await unsure.abort_transaction()


async def found(stand_in: StandIn, *words: str) -> list[str]:
    """The ids of the records that are shown, in order."""
    shown = await stand_in.run("tail", "responses", "--no-follow", "--json", *words)
    assert shown.code == 0, shown.err
    return [orjson.loads(line)["value"]["request_id"] for line in shown.out.splitlines()]


async def test_tail_shows_what_was_asked_for(stand_in: StandIn) -> None:
    await fill(stand_in)

    everything, one_tenant, failed, one, few, later = [
        await found(stand_in, *words)
        for words in (
            (),
            ("--tenant", "t1"),
            ("--status", "failed"),
            ("--request", "r-8", "--agent", "support@1"),
            ("--limit", "2"),
            ("--from", "end"),
        )
    ]

    assert sorted(everything) == [f"r-{number}" for number in range(9)]
    assert one_tenant == ["r-1", "r-4", "r-7"]
    assert (failed, one, len(few), later) == (["r-4"], ["r-8"], 2, [])


async def test_tail_begins_where_it_is_told(stand_in: StandIn) -> None:
    await fill(stand_in)

    by_time, later, by_offset, from_end = [
        await found(stand_in, "--from", place) for place in ("1h", "2126-11-21T07:00:00Z", "1", "-100")
    ]

    assert sorted(by_time) == sorted(from_end) == [f"r-{number}" for number in range(9)]
    assert later == []
    first_of_partition = {partition_for(f"t{number}".encode(), PARTITIONS) for number in range(3)}
    assert len(by_offset) == 9 - len(first_of_partition)


async def test_tail_follows_until_it_has_enough(stand_in: StandIn) -> None:
    topic = f"{stand_in.kafka.topic_prefix}responses"
    process = await stand_in.start("tail", topic, "--from", "beginning", "-n", "3", "-t", "t2")
    await fill(stand_in)
    followed = await ended(process)

    assert followed.code == 0
    lines = [line.split("  ") for line in followed.out.splitlines()]
    assert [line[1:4] for line in lines] == [["t2", f"r-{number}", "completed"] for number in (2, 5, 8)]


async def test_tail_of_what_does_not_exist_names_what_does(stand_in: StandIn) -> None:
    unknown = await stand_in.run("tail", "answers")

    assert unknown.code == 2
    assert "there is no topic answers" in unknown.err
    assert "responses, deltas" in unknown.err


async def test_raw_is_the_bytes_and_ctrl_c_is_silent(stand_in: StandIn) -> None:
    async with AIOKafkaProducer(bootstrap_servers=stand_in.kafka.bootstrap) as writer:
        await writer.send_and_wait(stand_in.name(RESPONSES), b"not JSON \xff", partition=0)

    process = await stand_in.start("tail", "responses", "--from", "beginning", "--raw")
    assert process.stdout is not None
    first = await asyncio.wait_for(process.stdout.readline(), 30)
    process.send_signal(signal.SIGINT)
    stopped = await ended(process)

    assert first == b"not JSON \xff\n"
    assert stopped == (130, "", "")
