"""A stand-in for the workers' side of the control topic: answers commands as a test wants it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from schemas.audit import AuditRecord
from schemas.codec import decode, encode
from schemas.control import ControlCommand
from streams.topics import AUDIT, CONTROL, Topic
from tests.broker.stand_in_worker import StandIn
from tests.broker.topic_reader import read_all
from tests.doubles.operated import AT

Ruling = tuple[str, str | None]  # outcome and code
Decide = Callable[[ControlCommand], Ruling]
DONE: Ruling = ("done", None)


def always(outcome: str, code: str | None = None) -> Decide:
    """The same to every command."""
    return lambda _: (outcome, code)


@dataclass
class Desk:
    """The commands that came, with the records that they came in."""

    stand_in: StandIn
    commands: list[ControlCommand] = field(default_factory=list)
    records: list[Any] = field(default_factory=list)

    async def answer(self, reader: AIOKafkaConsumer, writer: AIOKafkaProducer, decide: Decide) -> None:
        """Until it is cancelled."""
        async for record in reader:
            command = decode(ControlCommand, record.value)
            self.commands.append(command)
            self.records.append(record)
            outcome, code = decide(command)
            # Another person's answer, and what is none: neither is the answer that is waited for.
            for audit_id in (f"control-{record.partition}-{record.offset + 1000}", None, ""):
                if audit_id is None:
                    value = b'{"audit_id": "control-'
                else:
                    place = audit_id or f"control-{record.partition}-{record.offset}"
                    said = (outcome, code) if not audit_id else ("refused", "not_found")
                    value = encode(_audit(place, command, said))
                await writer.send_and_wait(
                    self.stand_in.name(AUDIT), value, key=record.key, partition=record.partition
                )


def _audit(audit_id: str, command: ControlCommand, ruling: Ruling) -> AuditRecord:
    return AuditRecord(
        audit_id=audit_id,
        at=AT,
        actor=command.actor or "unknown",
        action=command.command,
        request_id=command.request_id,
        subject=command.approval_id or command.dead_letter_id,
        outcome=ruling[0],
        code=ruling[1],
    )


@asynccontextmanager
async def desk(stand_in: StandIn, decide: Decide) -> AsyncIterator[Desk]:
    """Answers what comes from now on."""
    places = [TopicPartition(stand_in.name(CONTROL), one) for one in range(stand_in.kafka.partitions)]
    reader = AIOKafkaConsumer(bootstrap_servers=stand_in.kafka.bootstrap, enable_auto_commit=False)
    writer = AIOKafkaProducer(bootstrap_servers=stand_in.kafka.bootstrap)
    await reader.start()
    await writer.start()
    reader.assign(places)
    await reader.seek_to_end()
    for place in places:
        await reader.position(place)
    found = Desk(stand_in)
    task = asyncio.create_task(found.answer(reader, writer, decide))
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await writer.stop()
        await reader.stop()


async def write(
    stand_in: StandIn, topic: Topic, records: Sequence[tuple[bytes | None, bytes | None, int]]
) -> None:
    """Key, value, partition of each."""
    async with AIOKafkaProducer(bootstrap_servers=stand_in.kafka.bootstrap) as writer:
        for key, value, partition in records:
            await writer.send_and_wait(stand_in.name(topic), value, key=key, partition=partition)


async def written(stand_in: StandIn, topic: Topic) -> list[Any]:
    """All records of the topic."""
    return await read_all(stand_in.kafka.bootstrap, stand_in.name(topic))
