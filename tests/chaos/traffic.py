"""Sends the load, as a producer does that repeats what was not acknowledged, and reads the outcomes."""

import asyncio
import contextlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from app.brokers.broker import BrokerError
from tests.chaos.journey import Journey
from tests.chaos.load import HELD, Load, Shot

RETRY_S = 0.2
SEND_S = 10.0
POLL_MS = 50
THINKS_S = 0.5
INSISTS_S = 15.0
APPROVED = 0.8
CUT = (KafkaError, OSError, TimeoutError, BrokerError)


@dataclass(frozen=True, slots=True)
class Question:
    """An approval that a run waits for."""

    approval_id: str
    arguments_digest: str


class Traffic:
    """The load of one round."""

    def __init__(self, bootstrap: str, prefix: str, load: Load, per_second: float) -> None:
        self._bootstrap: Final = bootstrap
        self._prefix: Final = prefix
        self._per_second: Final = per_second
        self._load: Final = load
        self.journey: Final = Journey()
        self.requests = 0
        self.flowing = True
        self.asked: dict[tuple[str, str], Question] = {}  # by tenant and request
        self._chance: Final = Random(f"approver/{load.seed}")
        self._answers: set[asyncio.Task[None]] = set()
        self._producer: AIOKafkaProducer | None = None
        self._aborting: AIOKafkaProducer | None = None
        self._abort_turn = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to send and to read."""
        self._tasks = [
            asyncio.create_task(self._send_all()),
            asyncio.create_task(self._read("responses")),
            asyncio.create_task(self._read("deadletter")),
            asyncio.create_task(self._read("deltas")),
        ]

    def check(self) -> None:
        """Raise what ended a part of it: without it the round would go on forever."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def finish(self) -> None:
        """Send no more, and wait until what was sent is on the broker."""
        self.flowing = False
        await self._tasks[0]

    async def stop(self) -> None:
        """End it."""
        for task in (*self._tasks, *self._answers):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._answers, return_exceptions=True)
        for producer in (self._producer, self._aborting):
            await _stop(producer)

    # -- sending

    async def _send_all(self) -> None:
        due = time.monotonic()
        for shot in self._load:
            if not self.flowing:
                return
            due += 1 / self._per_second
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if due < time.monotonic() - 1:  # the broker was away: no burst of all that was missed
                due = time.monotonic()
            await self.send(shot)

    async def send(self, shot: Shot) -> None:
        """Until the broker has it; what is in doubt is sent again, as producers do."""
        if shot.kind == "aborted":
            await self.abort([shot])
            return
        while True:
            try:
                metadata = await self._send_once(shot)
            except CUT:
                producer, self._producer = self._producer, None
                await _stop(producer)
                await asyncio.sleep(RETRY_S)
            else:
                self._note(shot, metadata)
                return

    async def _send_once(self, shot: Shot) -> RecordMetadata:
        if self._producer is None:
            self._producer = await self._connect()
        topic = f"{self._prefix}{'control' if shot.kind == 'command' else 'requests'}"
        async with asyncio.timeout(SEND_S):
            return await self._producer.send_and_wait(topic, shot.value, key=shot.key)

    def _note(self, shot: Shot, metadata: RecordMetadata) -> None:
        now = time.monotonic()
        if shot.due is not None:
            self.requests += 1
            self.journey.send(shot.due, now)
        elif shot.kind in ("poison", "conflict"):
            self.journey.send((metadata.partition, metadata.offset), now)

    async def abort(self, shots: Sequence[Shot]) -> None:
        """Write these in a transaction, and abort it. Where the broker is away, let it be."""
        async with self._abort_turn:  # the load's own and a fault's have one producer
            try:
                async with asyncio.timeout(SEND_S):
                    await self._abort(shots)
            except CUT:
                producer, self._aborting = self._aborting, None
                await _stop(producer)  # its transaction times out, or its successor ends it

    async def _abort(self, shots: Sequence[Shot]) -> None:
        if self._aborting is None:
            self._aborting = await self._connect(f"{self._prefix}aborting")
        await self._aborting.begin_transaction()
        for shot in shots:
            await self._aborting.send_and_wait(f"{self._prefix}requests", shot.value, key=shot.key)
        await self._aborting.abort_transaction()

    async def _connect(self, transactional_id: str | None = None) -> AIOKafkaProducer:
        how: dict[str, Any] = {"enable_idempotence": True}
        if transactional_id is not None:
            how = {"transactional_id": transactional_id, "transaction_timeout_ms": 5000}
        producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, **how)
        try:
            await producer.start()
        except BaseException:
            await _stop(producer)
            raise
        return producer

    # -- reading

    async def _read(self, topic: str) -> None:
        """What stands there, as it comes; after any trouble from the beginning."""
        while True:
            try:
                async with AIOKafkaConsumer(
                    f"{self._prefix}{topic}",
                    bootstrap_servers=self._bootstrap,
                    isolation_level="read_committed",
                    auto_offset_reset="earliest",
                ) as reader:
                    await self._follow(reader, topic)
            except CUT:
                await asyncio.sleep(RETRY_S)

    async def _follow(self, reader: AIOKafkaConsumer, topic: str) -> None:
        while True:
            batches = await reader.getmany(timeout_ms=POLL_MS)
            now = time.monotonic()
            for batch in batches.values():
                for record in batch:
                    if topic != "deltas":
                        self.journey.answer(_due_of(topic, record), now)
                    elif b"approval_required" in record.value:
                        self._ask(record)

    # -- approvals

    def _ask(self, record: Any) -> None:
        told = json.loads(record.value)
        if told["kind"] != "approval_required":
            return
        who, question = (told["tenant_id"], told["request_id"]), Question(**_known(told["data"]))
        if self.asked.get(who) == question:
            return
        self.asked[who] = question  # another one than before, where the journal was lost
        if not who[1].startswith(HELD):
            task = asyncio.create_task(self._insist(who, question, self._chance.random() < APPROVED))
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)

    async def _insist(self, who: tuple[str, str], question: Question, approved: bool) -> None:
        """Whoever sees that nothing happens says it again."""
        while who not in self.journey.answered and self.asked[who] == question:
            await self.decide(who, approved)
            await asyncio.sleep(INSISTS_S)

    async def decide(self, who: tuple[str, str], approved: bool) -> None:
        """What a person says, after a moment."""
        question = self.asked[who]
        command = {
            "command": "approve" if approved else "reject",
            "approval_id": question.approval_id,
            "arguments_digest": question.arguments_digest,
            "actor": "crash-matrix",
        }
        await asyncio.sleep(self._chance.uniform(0.0, THINKS_S))
        await self.send(Shot("command", who[0].encode(), json.dumps(command).encode()))


def _known(data: dict[str, Any]) -> dict[str, str]:
    return {name: data[name] for name in ("approval_id", "arguments_digest")}


def _due_of(topic: str, record: Any) -> tuple[Any, Any]:
    """What this record is the outcome of."""
    if topic == "responses":
        return record.key.decode(), dict(record.headers)["request-id"].decode()
    source = json.loads(record.value)["source"]
    return source["partition"], source["offset"]


async def _stop(producer: AIOKafkaProducer | None) -> None:
    if producer is not None:
        with contextlib.suppress(*CUT):
            async with asyncio.timeout(SEND_S):
                await producer.stop()
