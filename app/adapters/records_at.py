"""Values of records whose places are known, read one by one: each by a fetch of its own at its offset.

It asks the brokers directly. A consumer would read on behind every record that is asked for, for nothing.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import CorruptRecordException, KafkaError, OffsetOutOfRangeError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from streams.options import KafkaOptions

RETRY_S = 0.2
WAIT_MS = 50
READ_UNCOMMITTED = 0  # what is asked for is known to be committed
ONE_BYTES = 16 * 1024  # the batch that the record is in comes whole, whatever its size
RUN_BYTES = 256 * 1024
NEAR = 100  # offsets within which the next one is expected in the same answer


class RecordsAt:
    """Reads from any topic. Until Kafka answers, where it is away."""

    def __init__(self, kafka: KafkaOptions) -> None:
        self._kafka: Final = kafka
        self._topics: set[str] = set()
        self._client: AIOKafkaClient | None = None

    async def start(self) -> None:
        """Connect."""
        client = AIOKafkaClient(bootstrap_servers=self._kafka.bootstrap)
        try:
            await client.bootstrap()
        except BaseException:
            await client.close()
            raise
        self._client = client

    async def stop(self) -> None:
        """Disconnect."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def read(self, place: TopicPartition, offsets: Sequence[int]) -> dict[int, bytes | None]:
        """The values at these ascending offsets; those that are gone are left out."""
        found: dict[int, bytes | None] = {}
        wanted, at = frozenset(offsets), 0
        while at < len(offsets):
            first = offsets[at]
            in_a_run = at + 1 < len(offsets) and offsets[at + 1] - first <= NEAR
            batches = await self._ask(place, first, RUN_BYTES if in_a_run else ONE_BYTES)
            passed = first + 1 if batches is None else _collect(batches, wanted, found)
            if passed <= first:
                await asyncio.sleep(RETRY_S)  # a new leader that does not know yet that it is committed
            while at < len(offsets) and offsets[at] < passed:
                at += 1
        return found

    async def _ask(self, place: TopicPartition, offset: int, max_bytes: int) -> list[Any] | None:
        """What stands there and behind it; None when the log does not reach there (any more)."""
        request = FetchRequest(
            WAIT_MS,
            1,
            max_bytes,
            READ_UNCOMMITTED,
            [(place.topic, [(place.partition, offset, max_bytes)])],
        )
        while True:
            try:
                return await self._send(place, request)
            except OffsetOutOfRangeError:
                return None
            except KafkaError:
                if self._client is not None:
                    self._client.force_metadata_update()
                await asyncio.sleep(RETRY_S)

    async def _send(self, place: TopicPartition, request: FetchRequest) -> list[Any]:
        client = self._client
        if client is None:
            raise KafkaError("not connected")
        if place.topic not in self._topics:
            await client.add_topic(place.topic)
            self._topics.add(place.topic)
        leader = client.cluster.leader_for_partition(place)
        if leader is None or leader < 0:
            raise KafkaError(f"partition {place.partition} of {place.topic} has no leader")
        answer: Any = await client.send(leader, request)
        ((_, ((_, code, _, *_, records),)),) = answer.topics
        if code:
            raise for_code(code)
        return _batches(records)


def _batches(data: bytes) -> list[Any]:
    batches, records = [], MemoryRecords(data)
    while records.has_next():
        batch = records.next_batch()
        if not batch.validate_crc():
            raise CorruptRecordException("a batch was changed on its way")
        batches.append(batch)
    return batches


def _collect(batches: Sequence[Any], wanted: frozenset[int], found: dict[int, bytes | None]) -> int:
    """Note the values that are wanted; returns the offset behind all that was looked at."""
    for batch in batches:
        if not batch.is_control_batch:
            found |= {record.offset: record.value for record in batch if record.offset in wanted}
    return batches[-1].next_offset if batches else 0
