"""Makes topics for the contestants and fills them with requests."""

import asyncio
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from app import provision
from benchmarks.requests import make_requests
from benchmarks.terms import Terms
from schemas.partitions import partition_for
from streams.options import KafkaOptions

BATCH_BYTES = 256 * 1024
SETTLE_S = 3.0  # a new partition has its leader a little later than its topic


class Placed(Protocol):
    """Something to write, and where."""

    @property
    def partition(self) -> int: ...
    @property
    def key(self) -> bytes: ...
    @property
    def value(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Record:
    """Anything that is no request."""

    partition: int
    key: bytes
    value: bytes


def record(terms: Terms, tenant_id: str, value: bytes) -> Record:
    """On its tenant's partition."""
    key = tenant_id.encode()
    return Record(partition_for(key, terms.partitions), key, value)


async def create(terms: Terms, names: Sequence[str]) -> None:
    """Plain topics, each with as many partitions as the terms say."""
    admin = AIOKafkaAdminClient(bootstrap_servers=terms.bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, terms.partitions, 1) for name in names])
    finally:
        await admin.close()
    await asyncio.sleep(SETTLE_S)


async def create_requests_and_responses(terms: Terms) -> None:
    """For a contestant that needs nothing else."""
    await create(terms, (terms.requests, terms.responses))


async def create_penstocks(terms: Terms) -> None:
    """All of Penstock's."""
    await provision.create(
        KafkaOptions(terms.bootstrap, f"{terms.name}.", terms.partitions, terms.name), replication=1
    )
    await asyncio.sleep(SETTLE_S)


async def produce(terms: Terms, count: int, tenants: int) -> None:
    """So many requests of Penstock's contract."""
    await write(terms, itertools.islice(make_requests(tenants, terms.partitions), count))


async def write(terms: Terms, records: Iterable[Placed], topic: str = "") -> None:
    """These requests (or what else belongs on another topic), in full batches."""
    topic = topic or terms.requests
    producer = AIOKafkaProducer(bootstrap_servers=terms.bootstrap, max_batch_size=BATCH_BYTES, acks=1)
    await producer.start()
    try:
        batches: dict[int, Any] = {}
        for one in records:
            batch = batches.get(one.partition) or producer.create_batch()
            batches[one.partition] = batch
            if batch.append(key=one.key, value=one.value, timestamp=None) is None:
                await producer.send_batch(batch, topic, partition=one.partition)
                batch = batches[one.partition] = producer.create_batch()
                batch.append(key=one.key, value=one.value, timestamp=None)
        for partition, batch in batches.items():
            await (await producer.send_batch(batch, topic, partition=partition))
    finally:
        await producer.stop()
