"""Makes topics for the contestants and fills them with requests."""

import asyncio
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from app import provision
from benchmarks.requests import Request, make_requests
from benchmarks.terms import Terms
from streams.options import KafkaOptions

BATCH_BYTES = 256 * 1024
SETTLE_S = 3.0  # a new partition has its leader a little later than its topic


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


async def write(terms: Terms, requests: Iterable[Request]) -> None:
    """These requests, in full batches."""
    producer = AIOKafkaProducer(bootstrap_servers=terms.bootstrap, max_batch_size=BATCH_BYTES, acks=1)
    await producer.start()
    try:
        batches: dict[int, Any] = {}
        for request in requests:
            batch = batches.get(request.partition) or producer.create_batch()
            batches[request.partition] = batch
            if batch.append(key=request.key, value=request.value, timestamp=None) is None:
                await producer.send_batch(batch, terms.requests, partition=request.partition)
                batch = batches[request.partition] = producer.create_batch()
                batch.append(key=request.key, value=request.value, timestamp=None)
        for partition, batch in batches.items():
            await (await producer.send_batch(batch, terms.requests, partition=partition))
    finally:
        await producer.stop()
