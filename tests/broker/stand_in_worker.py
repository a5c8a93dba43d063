"""A stand-in for a worker that says what a test wants it to say, and the commands that are run against it."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from app import provision
from schemas.codec import encode
from schemas.dead_letters import DeadLetter
from schemas.deltas import Delta
from schemas.responses import AgentResponse
from streams.options import KafkaOptions
from streams.topics import DEADLETTER, DELTAS, REQUESTS, RESPONSES, Topic

PARTITIONS = 3
COMMAND_S = 60.0
Told = AgentResponse | DeadLetter | Delta
Behaviour = Callable[[Any, dict[str, Any]], Iterable[Told]]  # a record and its value -> what it comes to
_TOPICS: Mapping[type, Topic] = {AgentResponse: RESPONSES, DeadLetter: DEADLETTER, Delta: DELTAS}


class Ended(NamedTuple):
    """How a command ended."""

    code: int | None
    out: str
    err: str


@dataclass
class StandIn:
    """A deployment in which requests are answered by `behave`."""

    kafka: KafkaOptions
    seen: list[Any] = field(default_factory=list)
    env: Mapping[str, str] = field(default_factory=dict)  # of the commands, beside where Kafka is

    async def create_topics(self) -> None:
        """All of them."""
        await provision.create(self.kafka)

    def name(self, topic: Topic) -> str:
        """Its full name."""
        return topic.full_name(self.kafka.topic_prefix, self.kafka.app_id)

    @asynccontextmanager
    async def answering(self, behave: Behaviour) -> Any:
        """Answer what comes from now on."""
        places = [TopicPartition(self.name(REQUESTS), number) for number in range(self.kafka.partitions)]
        reader = AIOKafkaConsumer(bootstrap_servers=self.kafka.bootstrap, enable_auto_commit=False)
        await reader.start()
        reader.assign(places)
        await reader.seek_to_end()
        writer = AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap)
        await writer.start()
        task = asyncio.create_task(self._answer(reader, writer, behave))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await writer.stop()
            await reader.stop()

    async def asked(self) -> Any:
        """Wait for the first request."""
        async with asyncio.timeout(COMMAND_S):
            while not self.seen:
                await asyncio.sleep(0.02)
        return self.seen[0]

    async def _answer(self, reader: AIOKafkaConsumer, writer: AIOKafkaProducer, behave: Behaviour) -> None:
        async for record in reader:
            self.seen.append(record)
            for told in behave(record, orjson.loads(record.value)):
                await self.tell(writer, told, record.key, record.partition)

    async def tell(self, writer: AIOKafkaProducer, told: Told, key: bytes, partition: int) -> None:
        """Write one record as a worker would."""
        headers: list[tuple[str, bytes]] = []
        if isinstance(told, AgentResponse):
            headers = [("request-id", told.request_id.encode()), ("status", told.status.encode())]
        elif isinstance(told, DeadLetter):
            headers = [("code", told.code.encode())]
        topic = self.name(_TOPICS[type(told)])
        await writer.send_and_wait(topic, encode(told), key=key, partition=partition, headers=headers)

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        """Run a `penstock` command; the caller waits for it."""
        pipe = asyncio.subprocess.PIPE
        settings = {
            "PENSTOCK_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "PENSTOCK_TOPIC_PREFIX": self.kafka.topic_prefix,
            "PENSTOCK_APP_ID": self.kafka.app_id,
            "PENSTOCK_PARTITIONS": str(self.kafka.partitions),
        }
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "app",
            *words,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env={**os.environ, **settings, **self.env},
        )

    async def run(self, *words: str, stdin: str = "") -> Ended:
        """Run a command to its end."""
        process = await self.start(*words)
        return await ended(process, stdin)


async def ended(process: asyncio.subprocess.Process, stdin: str = "") -> Ended:
    """Wait for a command."""
    try:
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), COMMAND_S)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return Ended(process.returncode, out.decode(), err.decode())
