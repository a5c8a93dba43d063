"""Gives commands to the workers through the control topic and hears the audits that answer them."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from app import closing
from app.adapters.clock import SystemClock
from app.client.listening import POLL_MS, Ear, reader_at_ends
from app.client.reach import reaching
from app.client.signing import Signer
from schemas.audit import AuditRecord
from schemas.codec import decode, encode
from schemas.control import ControlCommand
from schemas.partitions import partition_for
from schemas.versions import schema_header
from streams.options import KafkaOptions
from streams.topics import topic_names

AUDIT_PREFIX = b"control-"
CONTROL_HEADERS = [schema_header("control")]


@dataclass(frozen=True, slots=True)
class Order:
    """A command, and the tenant whose partition it goes to."""

    tenant_id: str
    command: ControlCommand


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an order."""

    order: Order
    audit: AuditRecord


class ControlLine:
    """One conversation with the workers. `open` it before an order is given, so that no answer is missed."""

    def __init__(self, kafka: KafkaOptions, signer: Signer) -> None:
        self._kafka: Final = kafka
        self._signer: Final = signer
        self._names: Final = topic_names(kafka.topic_prefix, kafka.app_id)
        # No idempotent producer: a command written twice finds itself done, and nothing is done twice.
        self._producer: Final = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", linger_ms=2)
        self._audits: AIOKafkaConsumer | None = None
        self._awaited: dict[str, Order] = {}
        self._early: dict[str, AuditRecord] = {}  # heard before it was known where the command stands
        self._ear: Final = Ear(SystemClock.now)

    async def open(self, tenants: Iterable[str]) -> None:
        """Connect, and remember the ends of what is going to be read."""
        partitions = {self.partition(tenant) for tenant in tenants}
        async with reaching(self._kafka.bootstrap):
            self._audits = await reader_at_ends(
                self._kafka.bootstrap, (self._names.audit,), partitions, "read_committed"
            )
            await self._producer.start()

    async def close(self) -> None:
        """Disconnect."""
        await self._producer.stop()
        if self._audits is not None:
            await closing.stop(self._audits)

    def partition(self, tenant_id: str) -> int:
        """Where the commands about a tenant belong."""
        return partition_for(tenant_id.encode(), self._kafka.partitions)

    @property
    def unanswered(self) -> Sequence[Order]:
        """Those that stand on Kafka and wait for a worker."""
        return list(self._awaited.values())

    async def give(self, orders: Iterable[Order], patience_s: float) -> AsyncGenerator[Answer, None]:
        """Send them in order, and tell what comes of each. Silence after so long without any answer."""
        answers = self._ear.listen(self._send(orders), self._poll, lambda: self._awaited, patience_s)
        async with aclosing(answers):
            async for answer in answers:
                yield answer

    async def _send(self, orders: Iterable[Order]) -> None:
        confirming: list[asyncio.Task[None]] = []
        for order in orders:
            topic, key, value = self._names.control, order.tenant_id.encode(), encode(order.command)
            future = await self._producer.send(
                topic,
                value,
                key=key,
                partition=self.partition(order.tenant_id),
                headers=[*CONTROL_HEADERS, *self._signer.headers(topic, key, value)],
            )
            confirming.append(asyncio.create_task(self._confirm(order, future)))
        await asyncio.gather(*confirming)

    async def _confirm(self, order: Order, future: "asyncio.Future[RecordMetadata]") -> None:
        done = await future
        self._awaited[f"control-{done.partition}-{done.offset}"] = order
        self._ear.heard()

    async def _poll(self) -> list[Answer]:
        if self._audits is None:
            raise RuntimeError("not open")
        for records in (await self._audits.getmany(timeout_ms=POLL_MS)).values():
            for record in records:
                self._hear(record)
        answered = self._early.keys() & self._awaited.keys()
        if answered:
            self._ear.heard()
        return [Answer(self._awaited.pop(one), self._early.pop(one)) for one in sorted(answered)]

    def _hear(self, record: Any) -> None:
        """Keep it until it is known which command it answers; other people's answers are few."""
        if AUDIT_PREFIX not in (record.value or b""):
            return
        try:
            audit = decode(AuditRecord, record.value)
        except ValueError:
            return
        self._early[audit.audit_id] = audit
