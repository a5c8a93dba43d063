"""Whether a record that was sent in a transaction can be read by those who read committed records only."""

import asyncio

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from app import closing

POLL_MS = 100
PATIENCE_S = 30.0  # longer than any transaction stays open


async def is_committed(bootstrap: str, place: TopicPartition, offset: int) -> bool:
    """Read on from the offset until it is told. TimeoutError when the transaction stays open."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", enable_auto_commit=False
    )
    try:
        await consumer.start()
        consumer.assign([place])
        consumer.seek(place, offset)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                    return bool(records[0].offset == offset)
                if await consumer.position(place) > offset:
                    return False  # passed without being handed out: it was aborted
    finally:
        await closing.stop(consumer)
