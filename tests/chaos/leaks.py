"""What is left behind when all is answered: open claims, parked entries, runs under way, lag."""

import asyncio
from typing import Any

import redis.asyncio as redis
from aiokafka.admin import AIOKafkaAdminClient

from streams.options import KafkaOptions
from streams.topics import PARKED
from tests.broker.topic_reader import ends_of, read_all
from tests.chaos.roster import Roster, active_runs, alive


async def lag(kafka: KafkaOptions) -> dict[int, int]:
    """Records that are not released, by partition; none where there are none."""
    ends = await ends_of(kafka.bootstrap, f"{kafka.topic_prefix}requests")
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(kafka.app_id, partitions=list(ends))
    finally:
        await admin.close()
    left = {place.partition: end - max(0, offsets[place].offset) for place, end in ends.items()}
    return {partition: behind for partition, behind in left.items() if behind}


async def leaks(kafka: KafkaOptions, client: "redis.Redis", roster: Roster) -> list[str]:
    """A sentence for each."""
    return [
        *await open_claims(client, kafka.app_id),
        *await parked(kafka),
        *await running(roster),
    ]


async def open_claims(client: "redis.Redis", app_id: str) -> list[str]:
    """Requests that were claimed, and of whose outcome Redis does not know."""
    keys = [key async for key in client.scan_iter(match=f"{{{app_id}}}:r*", count=1000)]
    found = []
    for key in keys:
        value: Any = await client.get(key)
        if value is not None and not bytes(value).startswith(b"D"):
            found.append(f"claim without an outcome: {key.decode()}")
    return found


async def parked(kafka: KafkaOptions) -> list[str]:
    """Entries without a tombstone."""
    topic = PARKED.full_name(kafka.topic_prefix, kafka.app_id)
    last: dict[Any, Any] = {}
    for record in await read_all(kafka.bootstrap, topic):
        last[record.partition, record.key] = record.value
    return [
        f"parked, and nobody waits for it: {key!r}" for (_, key), value in last.items() if value is not None
    ]


async def running(roster: Roster) -> list[str]:
    """Runs that workers say are under way."""
    found = []
    for name, worker in roster.workers.items():
        runs = await asyncio.to_thread(active_runs, worker) if alive(worker) else None
        if runs:
            found.append(f"{name} has {runs} runs under way")
    return found
