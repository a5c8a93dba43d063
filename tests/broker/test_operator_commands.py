"""The operators' commands on a real Kafka: approvals, cancel and parked."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from app.adapters.clock import SystemClock
from app.brokers.broker import BrokerHandle
from schemas.control import Command
from schemas.responses import Status
from streams.options import KafkaOptions
from streams.parked import ParkReason, encode_parked, parked_key
from streams.topics import CONTROL, PARKED, RESPONSES
from tests.broker.operated_deployment import (
    ANN,
    PLACE,
    asking,
    lines,
    park,
    unpark,
)
from tests.broker.own_terminal import at_a_terminal
from tests.broker.stand_in_desk import always, desk, write, written
from tests.broker.stand_in_worker import PARTITIONS, StandIn, ended
from tests.doubles.operated import approval, parked
from tests.doubles.outcomes import response


async def test_where_nothing_waits_it_is_said_and_all_is_well(stand_in: StandIn) -> None:
    calls = await stand_in.run("approvals", "list")
    letters = await stand_in.run("dlq", "list")
    requests = await stand_in.run("parked", "list", "--json")
    replayed = await stand_in.run("dlq", "replay", "--since", "1h")

    assert (calls.code, calls.out, calls.err) == (0, "", "no tool call waits for anybody\n")
    assert (letters.code, letters.out, letters.err) == (0, "", "no dead letters\n")
    assert (requests.code, requests.out) == (0, "")
    assert (replayed.code, replayed.err) == (0, "no dead letter to replay\n")


async def test_topics_that_are_missing_are_named_with_what_to_do(kafka: BrokerHandle) -> None:
    nothing = StandIn(KafkaOptions(kafka.bootstrap, "no.such.", PARTITIONS, app_id="nosuch"))

    seen = [
        await nothing.run(*words)
        for words in (
            ("approvals", "list"),
            ("dlq", "list"),
            ("cancel", "r-1", "-t", "acme"),
            ("dlq", "drop", "dl_12345", "-y"),
        )
    ]

    assert [one.code for one in seen] == [2, 2, 2, 2]
    assert all("penstock topics create" in one.err and len(one.err.splitlines()) == 1 for one in seen)


async def test_calls_that_wait_are_listed_and_shown_and_garbage_is_counted(stand_in: StandIn) -> None:
    decided = replace(approval("cc01"), approved=True, actor="bob", decided_at=SystemClock.at())
    await park(
        stand_in,
        asking("r-1", "aa01"),
        parked("r-2", approvals=(decided,), reason=ParkReason.DECIDED),
        parked("r-3", reason=ParkReason.WINDOW),
        asking("r-4", "bb01"),
        asking("r-5", "dd01", tenant_id="globex"),
    )
    await unpark(stand_in, asking("r-4"))
    await write(
        stand_in, PARKED, [(parked_key("acme", "r-9"), b"\xff", 0), (b"j", b"{}", 1), (b"k", b"[]", 2)]
    )

    listed = await stand_in.run("approvals", "list")
    told = await stand_in.run("approvals", "list", "--json", "--tenant", "globex")
    shown = await stand_in.run("approvals", "show", "aa")
    over = await stand_in.run("approvals", "show", "cc01", "--json")
    unknown = await stand_in.run("approvals", "show", "bb01")

    rows = [line.split() for line in listed.out.splitlines()]
    assert listed.code == 0
    assert [row[0] for row in rows] == ["approval", "aa01", "dd01"]
    assert '{"order": 7, "usd": "20.00"}' in listed.out
    assert listed.err.startswith("3 records cannot be read and were skipped; the first: ")
    assert [(one["approval_id"], one["tenant_id"]) for one in lines(told.out)] == [("dd01", "globex")]
    assert lines(told.out)[0]["arguments"] == {"order": 7, "usd": "20.00"}
    assert '  "usd": "20.00"' in shown.out
    assert "digest    digest-of-aa01" in shown.out
    assert (orjson.loads(over.out)["approved"], orjson.loads(over.out)["actor"]) == (True, "bob")
    assert (unknown.code, unknown.out) == (2, "")
    assert "no waiting tool call has an id that begins with 'bb01'" in unknown.err


async def test_the_last_committed_record_of_a_request_holds_whatever_its_clock_says(
    stand_in: StandIn,
) -> None:
    name, key = stand_in.name(PARKED), parked_key("acme", "r-1")
    ended, waits = asking("r-1", "aa01"), asking("r-2", "bb01")
    writer = AIOKafkaProducer(bootstrap_servers=stand_in.kafka.bootstrap)
    unsure = AIOKafkaProducer(
        bootstrap_servers=stand_in.kafka.bootstrap, transactional_id=f"{stand_in.kafka.app_id}-tx"
    )
    async with writer, unsure:
        await writer.send(name, encode_parked(ended), key=key, partition=PLACE, timestamp_ms=2_000_000)
        await writer.send(name, None, key=key, partition=PLACE, timestamp_ms=1_000_000)
        await writer.flush()
        await park(stand_in, waits)
        await unsure.begin_transaction()
        await unsure.send(name, None, key=parked_key("acme", "r-2"), partition=PLACE)
        await unsure.abort_transaction()

    listed = await stand_in.run("approvals", "list", "--json")

    assert [one["approval_id"] for one in lines(listed.out)] == ["bb01"]


async def test_an_approval_says_what_was_seen_and_waits_for_its_answer(stand_in: StandIn) -> None:
    await park(stand_in, asking("r-1", "aa01", "aa02"))

    async with desk(stand_in, always("done")) as workers:
        approved = await stand_in.run("approvals", "approve", "aa01", "--yes", *ANN, "--reason", "fine")
        rejected = await stand_in.run("approvals", "reject", "aa02", "-y", "--json")
        vague = await stand_in.run("approvals", "approve", "aa", "-y")

    (yes, no), (record, _) = workers.commands, workers.records
    assert (approved.code, approved.out) == (0, "aa01 approved: the run goes on when 1 more is decided\n")
    assert '"usd": "20.00"' in approved.err
    assert (yes.command, yes.approval_id, yes.arguments_digest) == (Command.APPROVE, "aa01", "digest-of-aa01")
    assert (yes.request_id, yes.actor, yes.reason) == ("r-1", "ann@desk", "fine")
    assert (record.key, record.partition, dict(record.headers)) == (b"acme", PLACE, {"schema": b"control/1"})
    assert (rejected.code, orjson.loads(rejected.out)["outcome"]) == (0, "done")
    assert (no.command, "@" in (no.actor or "")) == (Command.REJECT, True)
    assert (vague.code, "begins the ids of 2 waiting tool calls (aa01, aa02)" in vague.err) == (2, True)


async def test_a_decision_that_is_refused_or_unheard_says_so(stand_in: StandIn) -> None:
    bob = replace(approval("cc01"), approved=False, actor="bob", reason="no")
    await park(stand_in, asking("r-1", "aa01"), parked("r-2", approvals=(bob,)))

    async with desk(stand_in, always("refused", "wrong_digest")):
        refused = await stand_in.run("approvals", "approve", "aa01", "--yes")
        over = await stand_in.run("approvals", "approve", "cc01", "--yes")
        unasked = await stand_in.run("approvals", "approve", "aa01")
        elsewhere = await stand_in.run("approvals", "approve", "aa01", "--yes", "--tenant", "globex")
    silent = await stand_in.run("approvals", "approve", "aa01", "--yes", "--timeout", "1s")

    assert (refused.code, "aa01 refused, wrong_digest" in refused.out) == (1, True)
    assert (over.code, over.out, over.err) == (1, "", "nothing was sent: it is rejected by bob: no\n")
    assert (unasked.code, "say --yes" in unasked.err) == (2, True)
    assert (elsewhere.code, "no waiting tool call" in elsewhere.err) == (2, True)
    assert silent.code == 3
    assert "penstock tail audit --from 10m --tenant acme" in silent.err
    assert len(await written(stand_in, CONTROL)) == 2


@pytest.mark.parametrize(("typed", "code", "sent"), [(b"y\n", 0, 1), (b"n\n", 1, 0), (b"\x03", 130, 0)])
async def test_a_person_at_a_terminal_is_asked(stand_in: StandIn, typed: bytes, code: int, sent: int) -> None:
    await park(stand_in, asking("r-1", "aa01"))

    async with desk(stand_in, always("done")) as workers:
        ended_with, said = await at_a_terminal(stand_in, typed, "approvals", "approve", "aa01")

    assert ended_with == code
    assert b"Approve this? [y/N]" in said
    assert len(workers.commands) == sent


async def test_parked_requests_are_listed_counted_and_shown(stand_in: StandIn) -> None:
    soon = SystemClock.at() + timedelta(hours=2)
    await park(
        stand_in,
        parked("r-1", reason=ParkReason.NOT_BEFORE, due_at=soon, session_id="s-1"),
        parked("r-1", tenant_id="globex", reason=ParkReason.PAUSED),
        parked("r-2", reason=ParkReason.WINDOW),
        parked("r-2", reason=ParkReason.RETRY),
    )

    listed = await stand_in.run("parked", "list")
    retried = await stand_in.run("parked", "list", "--reason", "window", "--json")
    mine = await stand_in.run("parked", "list", "--tenant", "globex", "--json")
    twice = await stand_in.run("parked", "show", "r-1")
    shown = await stand_in.run("parked", "show", "r-1", "--tenant", "acme")

    assert listed.out.splitlines()[-1] == "3 waiting: 1 not_before, 1 retry, 1 paused"
    assert "1 h 59 min" in listed.out
    assert (retried.code, retried.out) == (0, "")
    assert [one["reason"] for one in lines(mine.out)] == ["paused"]
    assert (twice.code, "2 tenants have a waiting request r-1 (acme, globex)" in twice.err) == (2, True)
    assert '"input": "Where is order 7?"' in shown.out
    assert "session    s-1" in shown.out


async def test_a_cancelled_request_is_followed_to_its_response(stand_in: StandIn) -> None:
    async with (
        AIOKafkaProducer(bootstrap_servers=stand_in.kafka.bootstrap) as writer,
        desk(stand_in, always("done")) as workers,
    ):
        for told, code in ((Status.CANCELLED, 0), (Status.COMPLETED, 1)):
            process = await stand_in.start("cancel", "r-1", "--tenant", "acme", "--reason", "enough")
            asked = len(workers.commands)
            async with asyncio.timeout(30):
                while len(workers.commands) == asked:
                    await asyncio.sleep(0.02)
            await stand_in.tell(writer, response(request_id="r-2"), b"acme", PLACE)
            await stand_in.tell(writer, response(tenant_id="globex", status=Status.FAILED), b"globex", PLACE)
            await stand_in.tell(writer, response(status=told, output=None), b"acme", PLACE)
            done = await ended(process)

            assert (done.code, done.out.split(":")[0].strip()) == (code, f"r-1 {told}")
    assert workers.commands[0].reason == "enough"


async def test_a_cancel_of_what_is_not_under_way_says_whether_it_ended_before(stand_in: StandIn) -> None:
    async with (
        AIOKafkaProducer(bootstrap_servers=stand_in.kafka.bootstrap) as writer,
        desk(stand_in, always("kept")),
    ):
        await stand_in.tell(writer, response(), b"acme", PLACE)
        await stand_in.tell(writer, response(status=Status.FAILED, generation=1), b"acme", PLACE)
        await write(stand_in, RESPONSES, [(b"acme", b"\xff", PLACE)])
        before = await stand_in.run("cancel", "r-1", "-t", "acme")
        never = await stand_in.run("cancel", "r-7", "-t", "acme", "--json")
    bad = await stand_in.run("cancel", "r-7", "-t", "a b")

    assert (before.code, before.out) == (1, "r-1 had ended before: failed\n")
    assert (never.code, orjson.loads(never.out)["outcome"]) == (0, "kept")
    assert (bad.code, "--tenant 'a b': must be" in bad.err) == (2, True)
