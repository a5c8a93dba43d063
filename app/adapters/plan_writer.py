"""Rewrites one field of a tenant's plan, so that no plan that somebody else writes meanwhile is lost."""

import asyncio
import contextlib
from hashlib import sha256
from typing import Final, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from pydantic import ValidationError

from schemas.codec import amend, encode
from schemas.failures import Code
from schemas.invalid_fields import explain
from schemas.tenants import TenantPlan
from schemas.versions import schema_header
from streams.observations import Observer, PublishRetried
from streams.options import KafkaOptions
from streams.plans import PlanRefused, Plans
from streams.topics import TENANTS

RETRY_S = 0.5
SEND_S = 10.0
STOP_S = 2.0


class Reading(Protocol):
    """How far the topic was read."""

    def partition_of(self, key: bytes) -> int:
        """Where records of this key stand."""
        ...

    async def caught_up(self, partition: int) -> None:
        """Return when all that is committed now was read."""
        ...

    async def reached(self, partition: int, offset: int) -> None:
        """Return when all before this offset was read."""
        ...


class PlanWriter:
    """Writes one plan at a time, and looks at what was written just before its own."""

    def __init__(
        self, kafka: KafkaOptions, topic: str, plans: Plans, reading: Reading, observer: Observer
    ) -> None:
        self._kafka: Final = kafka
        self._topic: Final = topic
        self._plans: Final = plans
        self._reading: Final = reading
        self._observer: Final = observer
        self._producer: AIOKafkaProducer | None = None
        self._one_at_a_time = asyncio.Lock()
        self._key: bytes | None = None  # of the plan that is being written
        self._seen: list[tuple[int, bytes | None]] = []  # what was read of it since it was looked at

    async def stop(self) -> None:
        """Disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(KafkaError, TimeoutError):
                await asyncio.wait_for(producer.stop(), STOP_S)

    def saw(self, key: bytes | None, offset: int, value: bytes | None, counts: bool) -> None:
        """The reader hands over this record, in order; `counts` where it is in force now."""
        if counts and key == self._key:
            self._seen.append((offset, value))

    async def pause(self, tenant_id: str, paused: bool) -> tuple[str | None, str | None]:
        """Until it is done; returns the plan's sha256 before and after."""
        first = _first_plan(tenant_id, paused)
        async with self._one_at_a_time:
            self._key = tenant_id.encode()
            try:
                before, after = await self._pause(tenant_id, paused, first)
            except MessageSizeTooLargeError as error:
                raise PlanRefused(Code.OVERSIZE, f"The plan of {tenant_id} has no room left.") from error
            finally:
                self._key = None
        return _digest(before), _digest(after)

    async def _pause(self, tenant_id: str, paused: bool, first: bytes) -> tuple[bytes | None, bytes | None]:
        key = tenant_id.encode()
        partition = self._reading.partition_of(key)
        before: list[bytes | None] = []  # kept when an answer is lost: that attempt may have written
        covered: list[bytes | None] = []
        while True:
            try:
                await self._reading.caught_up(partition)
                value = covered[-1] if covered else self._plans.value(tenant_id)
                before = covered or before or [value]
                if not covered and self._plans.paused(tenant_id) == paused:
                    return before[-1], value
                value = first if value is None else amend(value, {"paused": paused})
                covered = await self._write(partition, key, value)
            except MessageSizeTooLargeError:
                raise
            except (KafkaError, OSError, TimeoutError) as error:
                self._observer.observe(PublishRetried(1, repr(error)))
                await self.stop()
                await asyncio.sleep(RETRY_S)
            else:
                if not covered:
                    return before[-1], value

    async def _write(self, partition: int, key: bytes, value: bytes) -> list[bytes | None]:
        """Returns the plans that this one covers although its writer had not seen them.

        Where somebody wrote after it, theirs is the last word, and nothing is to be mended.
        """
        self._seen.clear()
        producer = await self._connected()
        async with asyncio.timeout(SEND_S):
            done = await producer.send_and_wait(
                self._topic, value, key, partition, headers=[schema_header(TENANTS.schema)]
            )
        if done.offset < 0:
            raise KafkaError("the broker does not say where the plan stands")
        await self._reading.reached(partition, done.offset + 1)
        if any(offset > done.offset for offset, _ in self._seen):
            return []
        return [seen for offset, seen in self._seen if offset < done.offset]

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._kafka.bootstrap,
                enable_idempotence=self._kafka.idempotent,
                acks="all",
                linger_ms=0,
                max_request_size=TENANTS.max_message_bytes,
            )
            try:
                async with asyncio.timeout(SEND_S):
                    await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer


def _first_plan(tenant_id: str, paused: bool) -> bytes:
    """Of a tenant that has none: all that it leaves out is as before."""
    try:
        return encode(TenantPlan(tenant_id=tenant_id, paused=paused))
    except ValidationError as error:
        raise PlanRefused(Code.INVALID_FIELD, explain(error)) from error


def _digest(value: bytes | None) -> str | None:
    return None if value is None else sha256(value).hexdigest()
