"""Sends requests and hears what becomes of them: responses, dead letters and, if asked for, deltas."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from app import closing
from app.adapters.clock import SystemClock
from app.client.listening import POLL_MS, Ear, reader_at_ends
from app.client.outgoing import Outgoing
from app.client.reach import reaching
from app.client.signing import Signer
from schemas.codec import decode, decode_object
from schemas.dead_letters import DeadLetter
from schemas.deltas import Delta
from schemas.failures import FAILURES
from schemas.partitions import partition_for
from schemas.responses import AgentResponse
from schemas.versions import schema_header
from streams.options import KafkaOptions
from streams.topics import topic_names

RECORD_ROOM = 16 * 1024  # of a record beside its value
# Codes that a response is published for as well; of the others the dead letter is all that is heard.
ANSWERED_CODES = frozenset(row.code.value for row in FAILURES.values() if row.outcome == "failed")


@dataclass(frozen=True, slots=True)
class Sent:
    """A request, and where it stands now."""

    request: Outgoing
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a request: a response, or a dead letter where it could not be taken at all."""

    request: Outgoing
    document: dict[str, Any]
    told: AgentResponse | DeadLetter
    latency_s: float  # from its sending until it was heard here


@dataclass(slots=True)
class _Awaited:
    request: Outgoing
    sent: float  # monotonic
    place: tuple[int, int] | None = None


class Exchange:
    """One conversation with a deployment. `open` it before sending, so that nothing is missed."""

    def __init__(self, kafka: KafkaOptions, max_request_bytes: int, signer: Signer) -> None:
        self._kafka: Final = kafka
        self._signer: Final = signer
        self._names: Final = topic_names(kafka.topic_prefix, kafka.app_id)
        self._now: Final = SystemClock.now
        self._producer: Final = AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap,
            acks="all",  # no idempotent producer: a record written twice has the same id, and runs once
            max_request_size=max_request_bytes + RECORD_ROOM,
            linger_ms=2,
        )
        self._outcomes: AIOKafkaConsumer | None = None
        self._deltas: AIOKafkaConsumer | None = None
        self._awaited: dict[tuple[str, str], _Awaited] = {}
        self._letters: dict[tuple[int, int], tuple[dict[str, Any], DeadLetter]] = {}
        self._ear: Final = Ear(self._now)

    async def open(self, requests: Sequence[Outgoing], *, hear: bool, deltas: bool) -> None:
        """Connect, and remember the ends of what is going to be read."""
        bootstrap, partitions = self._kafka.bootstrap, {self._partition(request) for request in requests}
        async with reaching(bootstrap):
            if hear:
                topics = (self._names.responses, self._names.deadletter)
                self._outcomes = await reader_at_ends(bootstrap, topics, partitions, "read_committed")
            if deltas:
                # They are visible before their run's transaction ends; a committed reader would wait for it.
                self._deltas = await reader_at_ends(
                    bootstrap, (self._names.deltas,), partitions, "read_uncommitted"
                )
            await self._producer.start()

    async def close(self) -> None:
        """Disconnect."""
        await self._producer.stop()
        for reader in (self._outcomes, self._deltas):
            if reader is not None:
                await closing.stop(reader)

    async def send(self, requests: Iterable[Outgoing], on_sent: Callable[[Sent], None]) -> None:
        """Send them in order. Returns when the broker has them all."""
        topic = self._names.requests
        header = schema_header("agent-request")
        left: list[asyncio.Task[None]] = []
        for request in requests:
            partition, key = self._partition(request), request.tenant_id.encode()
            awaited = self._awaited[request.key] = _Awaited(request, self._now())
            future = await self._producer.send(
                topic,
                request.value,
                key=key,
                partition=partition,
                headers=[header, *self._signer.headers(topic, key, request.value)],
            )
            left.append(asyncio.create_task(self._confirm(awaited, future, on_sent)))
        await asyncio.gather(*left)

    async def _confirm(
        self, awaited: _Awaited, future: "asyncio.Future[RecordMetadata]", on_sent: Callable[[Sent], None]
    ) -> None:
        done = await future
        awaited.place = (done.partition, done.offset)
        self._ear.heard()
        on_sent(Sent(awaited.request, done.topic, done.partition, done.offset))

    async def ask(
        self, requests: Iterable[Outgoing], on_sent: Callable[[Sent], None], patience_s: float
    ) -> AsyncGenerator[Heard, None]:
        """Send them, and tell what becomes of each. Silence after so long without hearing anything."""
        heard = self._ear.listen(self.send(requests, on_sent), self._poll, lambda: self._awaited, patience_s)
        async with aclosing(heard):
            async for one in heard:
                yield one

    async def _poll(self) -> list[Heard]:
        if self._outcomes is None:
            raise RuntimeError("opened without hearing")
        found: list[Heard] = []
        for place, records in (await self._outcomes.getmany(timeout_ms=POLL_MS)).items():
            for record in records:
                if place.topic == self._names.deadletter:
                    self._keep_letter(record)
                elif (heard := self._response(record)) is not None:
                    found.append(heard)
        return [*found, *self._letters_of_sent()]

    @property
    def awaited(self) -> list[Outgoing]:
        """Those whose outcome is not known yet."""
        return [awaited.request for awaited in self._awaited.values()]

    def _response(self, record: Any) -> Heard | None:
        headers = dict(record.headers)
        key = (record.key or b"").decode(errors="replace"), headers.get("request-id", b"").decode()
        awaited = self._awaited.get(key)
        if awaited is None:
            return None
        return self._hear(awaited, decode_object(record.value), decode(AgentResponse, record.value))

    def _keep_letter(self, record: Any) -> None:
        """Keep it until it is known where the requests stand that were sent from here."""
        letter = decode(DeadLetter, record.value)
        if letter.source.topic == self._names.requests and letter.code not in ANSWERED_CODES:
            place = (letter.source.partition, letter.source.offset)
            self._letters[place] = (decode_object(record.value), letter)

    def _letters_of_sent(self) -> list[Heard]:
        if not self._letters:
            return []
        return [
            self._hear(awaited, *self._letters.pop(awaited.place))
            for awaited in list(self._awaited.values())
            if awaited.place is not None and awaited.place in self._letters
        ]

    def _hear(self, awaited: _Awaited, document: dict[str, Any], told: AgentResponse | DeadLetter) -> Heard:
        del self._awaited[awaited.request.key]
        return Heard(awaited.request, document, told, self._ear.heard() - awaited.sent)

    async def deltas_of(self, request: Outgoing) -> AsyncIterator[Delta]:
        """What its run says, as it says it; without end."""
        needle = request.request_id.encode()
        reader = self._deltas
        while reader is not None:
            for records in (await reader.getmany(timeout_ms=POLL_MS)).values():
                for record in records:
                    if needle not in record.value and b"\\" not in record.value:
                        continue
                    delta = decode(Delta, record.value)
                    if (delta.tenant_id, delta.request_id) == request.key:
                        yield delta

    def _partition(self, request: Outgoing) -> int:
        return partition_for(request.tenant_id.encode(), self._kafka.partitions)
