"""Reads a topic without a group: from where one likes, to its end or on and on."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import TopicPartition

from app import closing
from app.client.places import Edge, Offset, Since, Start
from app.client.reach import reaching
from app.client.record_filter import Raw

POLL_MS = 250


async def partition_count(bootstrap: str, topic: str) -> int | None:
    """None where there is no such topic."""
    async with reaching(bootstrap):
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        try:
            await admin.start()
            if topic not in await admin.list_topics():
                return None
            return len((await admin.describe_topics([topic]))[0]["partitions"])
        finally:
            await admin.close()


class LogReader:
    """One topic, some of its partitions."""

    def __init__(self, bootstrap: str, topic: str, partitions: Collection[int], *, committed: bool) -> None:
        self._bootstrap: Final = bootstrap
        self._places: Final = [TopicPartition(topic, partition) for partition in partitions]
        self._reader: Final = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            isolation_level="read_committed" if committed else "read_uncommitted",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=POLL_MS // 2,
        )
        self._ends: dict[TopicPartition, int] = {}
        self._starts: dict[TopicPartition, int] = {}
        self._read: dict[TopicPartition, int] = {}

    async def open(self, start: Start) -> None:
        """Connect and go there."""
        async with reaching(self._bootstrap):
            await self._reader.start()
            self._reader.assign(self._places)
            self._ends = await self._reader.end_offsets(self._places)
            self._starts = dict(await self._offsets(start))
            for place, offset in self._starts.items():
                self._reader.seek(place, offset)

    @property
    def share_read(self) -> float:
        """How much of what stood there at first was read, from 0 to 1."""
        whole = sum(max(0, end - self._starts[place]) for place, end in self._ends.items())
        read = sum(
            min(end, self._read[place]) - self._starts[place]
            for place, end in self._ends.items()
            if place in self._read
        )
        return min(1.0, read / whole) if whole else 1.0

    async def close(self) -> None:
        """Disconnect."""
        await closing.stop(self._reader)

    async def _offsets(self, start: Start) -> Mapping[TopicPartition, int]:
        begins: dict[TopicPartition, int] = await self._reader.beginning_offsets(self._places)
        match start:
            case Edge("beginning"):
                return begins
            case Edge():
                return self._ends
            case Offset(offset) if offset < 0:
                return {place: max(begins[place], end + offset) for place, end in self._ends.items()}
            case Offset(offset):
                return {place: min(max(begins[place], offset), end) for place, end in self._ends.items()}
            case Since(at):
                since = dict.fromkeys(self._places, int(at.timestamp() * 1000))
                found = await self._reader.offsets_for_times(since)
                return {
                    place: self._ends[place] if one is None else one.offset for place, one in found.items()
                }

    async def records(self, *, follow: bool) -> AsyncGenerator[Sequence[Raw], None]:
        """What there is, in batches ordered by time; without `follow` up to the end as it was at first."""
        while True:
            fetched = await self._reader.getmany(timeout_ms=POLL_MS)
            self._read |= {place: records[-1].offset + 1 for place, records in fetched.items() if records}
            batch = [
                _raw(record)
                for place, records in fetched.items()
                for record in records
                if follow or record.offset < self._ends[place]
            ]
            yield sorted(batch, key=lambda raw: (raw.timestamp_ms, raw.partition, raw.offset))
            if not follow and await self._at_ends():
                return

    async def _at_ends(self) -> bool:
        """Positions move past aborted records and markers too, which no reader is given."""
        for place, end in self._ends.items():
            if await self._reader.position(place) < end:
                return False
        return True


def _raw(record: Any) -> Raw:
    return Raw(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        tuple(record.headers),
    )
