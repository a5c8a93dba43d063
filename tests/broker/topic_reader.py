"""What stands on a topic, for a reader who sees only what was committed."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

POLL_MS = 100


async def read_all(bootstrap: str, topic: str, within_s: float = 30) -> list[Any]:
    """Every committed record up to the end as of now, partition by partition.

    A commit is durable before its markers are written, and a reader sees it only after that: so what is still
    open is waited for.
    """
    ends = await ends_of(bootstrap, topic)
    records: list[Any] = []
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
    ) as reader:
        reader.assign(list(ends))
        await reader.seek_to_beginning(*ends)
        async with asyncio.timeout(within_s):
            while any([await reader.position(place) < end for place, end in ends.items()]):
                fetched = await reader.getmany(timeout_ms=POLL_MS)
                records += [record for batch in fetched.values() for record in batch]
    return sorted(records, key=lambda record: (record.partition, record.offset))


async def ends_of(bootstrap: str, topic: str) -> dict[TopicPartition, int]:
    """The end of each partition, beyond open transactions."""
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_uncommitted") as reader:
        await reader._client._wait_on_metadata(topic)
        places = [TopicPartition(topic, number) for number in reader.partitions_for_topic(topic) or ()]
        ends: dict[TopicPartition, int] = await reader.end_offsets(places)
        return ends


async def read_until(
    bootstrap: str, topic: str, enough: Callable[[Sequence[Any]], bool], within_s: float = 60
) -> list[Any]:
    """Every committed record from the beginning, as soon as they are enough."""
    records: list[Any] = []
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
    ) as reader:
        try:
            async with asyncio.timeout(within_s):
                while not enough(records):
                    for batch in (await reader.getmany(timeout_ms=POLL_MS)).values():
                        records += batch
        except TimeoutError:
            raise AssertionError(f"{topic} came to {len(records)} records only") from None
    return records
