"""`penstock tenants` on a real Kafka, against the plans of a worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from app.adapters.kafka_plans import KafkaPlans
from schemas.codec import decode, encode
from schemas.control import Command, ControlCommand
from schemas.partitions import partition_for
from streams.audits import Finding, of_command
from streams.lifeline import Lifeline
from streams.observations import Observers
from streams.plans import Plans
from streams.topics import AUDIT, CONTROL, TENANTS
from tests.broker.crew import Crew, request
from tests.broker.stand_in_desk import always, desk, write
from tests.broker.stand_in_worker import PARTITIONS, StandIn
from tests.doubles.operated import AT

ACME = partition_for(b"acme", PARTITIONS)
PLAN = (
    b'{"tenant_id": "acme", "tier": "pro", "x": 1, "limits": ['
    b'{"what": "requests", "per": "minute", "limit": 6}]}'
)


@asynccontextmanager
async def obeying(stand_in: StandIn) -> AsyncIterator[list[ControlCommand]]:
    """A worker, as far as pausing goes: it rewrites plans, then audits. The commands that it was given."""
    plans = KafkaPlans(stand_in.kafka, stand_in.name(TENANTS), Plans(Observers()), Observers(), Lifeline())
    given: list[ControlCommand] = []

    async def obey() -> None:
        async for record in reader:
            command = decode(ControlCommand, record.value)
            given.append(command)
            tenant_id = record.key.decode()
            before, after = await plans.pause(tenant_id, command.command is Command.PAUSE)
            audit = of_command(
                f"control-{record.partition}-{record.offset}",
                AT,
                command.actor,
                command.command,
                tenant_id,
                Finding("done", subject=tenant_id, before_sha256=before, after_sha256=after),
            )
            await writer.send_and_wait(stand_in.name(AUDIT), encode(audit), record.key, record.partition)

    reader = AIOKafkaConsumer(bootstrap_servers=stand_in.kafka.bootstrap, enable_auto_commit=False)
    writer = AIOKafkaProducer(bootstrap_servers=stand_in.kafka.bootstrap)
    await reader.start()
    await writer.start()
    await plans.start()
    places = [TopicPartition(stand_in.name(CONTROL), one) for one in range(PARTITIONS)]
    reader.assign(places)
    await reader.seek_to_beginning(*places)
    task = asyncio.create_task(obey())
    try:
        yield given
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for part in (plans, writer, reader):
            await part.stop()


async def test_a_tenant_is_paused_and_resumed_through_the_workers(stand_in: StandIn) -> None:
    await write(stand_in, TENANTS, [(b"acme", PLAN, ACME)])

    async with obeying(stand_in) as given:
        paused = await stand_in.run("tenants", "pause", "acme", "--reason", "unpaid", "--actor", "ann@desk")
        again = await stand_in.run("tenants", "pause", "acme", "--json")
        shown = await stand_in.run("tenants", "show", "acme")
        listed = await stand_in.run("tenants", "list", "--paused", "--json")
        resumed = await stand_in.run("tenants", "resume", "acme")
        after = await stand_in.run("tenants", "show", "acme", "--json")

    assert (paused.code, paused.out) == (0, "acme is paused\n")
    assert (given[0].actor, given[0].reason, given[0].command) == ("ann@desk", "unpaid", Command.PAUSE)
    told = orjson.loads(again.out)
    assert (again.code, told["outcome"], told["changed"]) == (0, "done", False)
    assert (shown.code, orjson.loads(shown.out)) == (0, {**orjson.loads(PLAN), "paused": True})
    assert [orjson.loads(line)["tenant_id"] for line in listed.out.splitlines()] == ["acme"]
    assert orjson.loads(listed.out)["sha256"] == told["after_sha256"]
    assert (resumed.code, resumed.out) == (0, "acme goes on\n")
    assert orjson.loads(after.out)["plan"] == {**orjson.loads(PLAN), "paused": False}


async def test_what_a_worker_refuses_ends_with_one_and_says_why(stand_in: StandIn) -> None:
    async with desk(stand_in, always("refused", "invalid_field")):
        refused = await stand_in.run("tenants", "pause", "acme")

    assert refused.code == 1
    assert refused.out.startswith("acme: refused, invalid_field: ")


async def test_where_no_worker_answers_the_command_stands(stand_in: StandIn) -> None:
    silent = await stand_in.run("tenants", "pause", "acme", "--timeout", "1s")

    assert (silent.code, silent.out) == (3, "")
    assert "no worker answered within" in silent.err
    assert "the command stands on the control topic" in silent.err


async def test_plans_are_listed_as_the_workers_have_them(stand_in: StandIn) -> None:
    empty = await stand_in.run("tenants", "list")
    globex, initech = (partition_for(key, PARTITIONS) for key in (b"globex", b"initech"))
    await write(
        stand_in,
        TENANTS,
        [
            (b"acme", PLAN, ACME),
            (b"globex", b'{"tenant_id": "globex", "paused": true}', globex),
            (b"globex", b"garbage", globex),
            (b"initech", b"superseded garbage", initech),
            (b"initech", b'{"tenant_id": "initech"}', initech),
            (b"initech", None, initech),
            (b"acme", b'{"tenant_id": "acme", "paused": true}', (ACME + 1) % PARTITIONS),
        ],
    )

    listed = await stand_in.run("tenants", "list")
    none = await stand_in.run("tenants", "show", "initech")

    assert (empty.code, empty.out, empty.err) == (0, "", "no tenant has a plan of its own\n")
    heading, *rows = listed.out.splitlines()
    assert heading.split() == ["tenant", "tier", "weight", "limits", "also", "set"]
    assert [row.split()[:3] for row in rows] == [["acme", "pro", "1"], ["globex", "paused", "free"]]
    assert "6 requests/minute" in rows[0]
    assert len(listed.err.splitlines()) == 2
    assert "a record of globex is passed over (undecodable)" in listed.err
    assert "a record of acme is passed over (wrong_partition)" in listed.err
    assert (none.code, none.out) == (1, "")
    assert none.err == "initech has no plan of its own: the defaults hold\n"


async def test_what_is_no_tenant_is_told_before_anything_is_sent(stand_in: StandIn) -> None:
    refused = await stand_in.run("tenants", "pause", "no tenant")

    assert (refused.code, refused.out) == (2, "")
    assert "'no tenant' is no tenant's id" in refused.err


async def test_real_workers_begin_nothing_of_a_paused_tenant_and_all_of_it_once_it_is_resumed(
    crew: Crew,
) -> None:
    one, other = crew.start(), crew.start()
    await crew.ready(one, other)
    cli = StandIn(crew.kafka)

    paused = await cli.run("tenants", "pause", "acme")
    await crew.send(request("r-1"), request("r-2"), request("g-1", "globex"))
    await crew.responses_to(["g-1"])
    waiting = await waiting_for_tenant(cli, 2)
    answered_meanwhile = {one["request_id"] for one in await crew.responses(1)}
    third = crew.start()
    await crew.ready(third)
    resumed = await cli.run("tenants", "resume", "acme")
    answers = await crew.responses_to(["r-1", "r-2"])

    assert (paused.code, paused.out) == (0, "acme is paused\n")
    assert {found["request_id"] for found in waiting} == {"r-1", "r-2"}
    assert answered_meanwhile == {"g-1"}
    assert (resumed.code, resumed.out) == (0, "acme goes on\n")
    assert {answer["status"] for answer in answers.values()} == {"completed"}


async def waiting_for_tenant(cli: StandIn, count: int) -> list[dict[str, Any]]:
    """What is parked since its tenant is paused, once it is so much."""
    async with asyncio.timeout(30):
        while True:
            rows = [
                orjson.loads(line) for line in (await cli.run("parked", "list", "--json")).out.splitlines()
            ]
            if len(found := [row for row in rows if row["reason"] == "paused"]) == count:
                return found
