"""Waits until a deployment has released all requests that were written."""

import asyncio
import time
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import TopicPartition

from benchmarks.terms import Terms
from benchmarks.worker_process import BenchFailed

PATIENCE_S: Final = 60.0
POLL_S: Final = 0.2


async def released(terms: Terms) -> None:
    """Until its group has committed the end of the requests topic."""
    places = [TopicPartition(terms.requests, number) for number in range(terms.partitions)]
    admin = AIOKafkaAdminClient(bootstrap_servers=terms.bootstrap)
    reader = AIOKafkaConsumer(bootstrap_servers=terms.bootstrap, enable_auto_commit=False)
    try:
        await admin.start()
        await reader.start()
        ends: dict[TopicPartition, int] = await reader.end_offsets(places)
        until_s = time.perf_counter() + PATIENCE_S
        while left := await _behind(admin, terms.name, ends):
            if time.perf_counter() > until_s:
                raise BenchFailed(f"{left} requests are answered and not released")
            await asyncio.sleep(POLL_S)
    finally:
        await reader.stop()
        await admin.close()


async def _behind(admin: AIOKafkaAdminClient, group: str, ends: dict[TopicPartition, int]) -> int:
    offsets = await admin.list_consumer_group_offsets(group)
    committed = {place: one.offset for place, one in offsets.items()}
    return sum(max(0, end - max(0, committed.get(place, 0))) for place, end in ends.items())
