"""Sends the script and watches the topics: what came of each request, as it comes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from app import closing
from app.demo.script import POISON, POISON_TENANT, SCRIPT, Line
from app.settings import Settings
from schemas.partitions import partition_for
from streams.topics import topic_names

POLL_MS = 100


@dataclass(slots=True)
class Fate:
    """What is known of one request."""

    line: Line
    sent: float = 0.0
    answered: float | None = None
    agents: list[str] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    text: str = ""
    response: dict[str, Any] | None = None

    @property
    def took_s(self) -> float | None:
        """From sending to reading the answer."""
        return None if self.answered is None else self.answered - self.sent


class Audience:
    """The producer and the reader of the demo."""

    def __init__(self, settings: Settings, run: str, now: Callable[[], float]) -> None:
        self._settings: Final = settings
        self._run: Final = run
        self._now: Final = now
        self._topics = topic_names(settings.topic_prefix, settings.app_id)
        self.fates = {f"{run}-{line.name}": Fate(line) for line in SCRIPT}
        self.letters: list[dict[str, Any]] = []

    @property
    def complete(self) -> bool:
        """Whether everything that was sent has come to something."""
        return bool(self.letters) and all(fate.response for fate in self.fates.values())

    async def watch(self, timeout_s: float) -> AsyncIterator[str]:
        """Send everything, and yield a line whenever something happened; ends when all is known."""
        reader = AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka_bootstrap, isolation_level="read_committed"
        )
        await reader.start()
        try:
            topics = (self._topics.responses, self._topics.deltas, self._topics.deadletter)
            reader.assign(
                [TopicPartition(topic, n) for topic in topics for n in range(self._settings.partitions)]
            )
            await reader.seek_to_end()
            await self._send()
            async with asyncio.timeout(timeout_s):
                while not self.complete:
                    for records in (await reader.getmany(timeout_ms=POLL_MS)).values():
                        for record in records:
                            if happened := self._take(record.topic, orjson.loads(record.value)):
                                yield happened
                    yield ""
        finally:
            await closing.stop(reader)

    async def _send(self) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self._settings.kafka_bootstrap)
        await producer.start()
        try:
            for line in SCRIPT:
                document = line.document(self._run)
                self.fates[document["request_id"]].sent = self._now()
                await self._put(producer, line.tenant, orjson.dumps(document))
            await self._put(producer, POISON_TENANT, POISON)
        finally:
            await producer.stop()

    async def _put(self, producer: AIOKafkaProducer, tenant: str, value: bytes) -> None:
        key = tenant.encode()
        partition = partition_for(key, self._settings.partitions)
        await producer.send_and_wait(self._topics.requests, value, key=key, partition=partition)

    def _take(self, topic: str, document: dict[str, Any]) -> str:
        if topic == self._topics.deadletter:
            self.letters.append(document)
            return f"[red]dead letter[/] {document['code']}: {document['message']}"
        fate = self.fates.get(document["request_id"])
        if fate is None:
            return ""
        if topic == self._topics.responses:
            fate.response, fate.answered = document, self._now()
            return f"[bold]{fate.line.tenant}/{fate.line.name}[/] {document['status']}"
        return _delta(fate, document["kind"], document["data"])


def _delta(fate: Fate, kind: str, data: dict[str, Any]) -> str:
    who = f"[bold]{fate.line.tenant}/{fate.line.name}[/]"
    if kind == "text":
        fate.text += data["text"]
    elif kind == "tool_called":
        fate.tools.append(data["name"])
        return f"{who} calls [cyan]{data['name']}[/]"
    elif kind == "agent_changed":
        fate.agents.append(data["to"])
        return f"{who} is handed to [magenta]{data['to']}[/]"
    return ""
