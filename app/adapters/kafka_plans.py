"""The tenants topic on Kafka: read whole by every worker, then followed; and a plan's `paused`, rewritten."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError
from aiokafka.structs import TopicPartition

from app import closing
from app.adapters.plan_writer import PlanWriter
from schemas.partitions import partition_for
from streams.lifeline import Lifeline
from streams.observations import Observer, PlansRead, PlansUnread
from streams.options import KafkaOptions
from streams.plans import Plans

FETCH_WAIT_MS = 500  # a new record is handed out at once, whatever this is
POLL_MS = 100
MOST_AT_ONCE = 250  # decoded in one go; health and heartbeats wait meanwhile
STALL_S = 10.0  # at the start: so long without any progress, and it has failed
ASK_S = 5.0
RETRY_S = 0.5
ASK_AGAIN_S = 0.1


class KafkaPlans:
    """Keeps `plans` as the topic says. While Kafka is away they stay as they are."""

    def __init__(
        self, kafka: KafkaOptions, topic: str, plans: Plans, observer: Observer, lifeline: Lifeline
    ) -> None:
        self._kafka: Final = kafka
        self._topic: Final = topic
        self.plans: Final = plans
        self._observer: Final = observer
        self._lifeline: Final = lifeline
        self._writer: Final = PlanWriter(kafka, topic, plans, self, observer)
        self._reader: AIOKafkaConsumer | None = None
        self._next: dict[int, int] = {}  # by partition: the offset to go on at
        self._moved = asyncio.Condition()
        self._awaited = 0
        self._task: asyncio.Task[None] | None = None
        self.known = False  # all plans that stood there at the start are in force

    async def start(self) -> None:
        """Read to the end as it is now, then follow. Raises KafkaError, OSError or TimeoutError."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            reader = await self._another_reader()
            await self._read_to(reader, await reader.end_offsets(list(reader.assignment())))
        except BaseException:
            await self._disconnect()
            raise
        self.known = True
        self._observer.observe(PlansRead(len(self.plans), loop.time() - began))
        self._task = self._lifeline.hold(asyncio.create_task(self._follow(), name="plans"))

    async def stop(self) -> None:
        """Follow no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._disconnect()
        await self._writer.stop()

    async def pause(self, tenant_id: str, paused: bool) -> tuple[str | None, str | None]:
        """Rewrite the tenant's plan; returns its sha256 before and after, when `Plans` has it.

        None is no plan. Until Kafka answers, where it is away. PlanRefused where it can never be done.
        """
        return await self._writer.pause(tenant_id, paused)

    # -- what the writer needs to know of the reading

    def partition_of(self, key: bytes) -> int:
        """By the topic's own number of partitions."""
        return partition_for(key, len(self._next))

    async def caught_up(self, partition: int) -> None:
        """Return when all that is committed now was read. Raises KafkaError or TimeoutError."""
        if self._reader is None:
            raise UnknownTopicOrPartitionError("the tenants topic cannot be read now")
        place = TopicPartition(self._topic, partition)
        async with asyncio.timeout(ASK_S):
            ends = await self._reader.end_offsets([place])
        await self.reached(partition, ends[place])

    async def reached(self, partition: int, offset: int) -> None:
        """Return when all before this offset was read."""
        self._awaited += 1
        try:
            async with self._moved:
                await self._moved.wait_for(lambda: self._next[partition] >= offset)
        finally:
            self._awaited -= 1

    # -- reading

    def _consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._kafka.bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )

    async def _open(self, reader: AIOKafkaConsumer) -> None:
        """All partitions, each from where reading stopped."""
        async with asyncio.timeout(STALL_S):
            await reader.start()
            places = [TopicPartition(self._topic, partition) for partition in await self._partitions(reader)]
            reader.assign(places)
            begins = await reader.beginning_offsets(places)
        for place in places:
            self._next.setdefault(place.partition, begins[place])
            reader.seek(place, self._next[place.partition])

    async def _partitions(self, reader: AIOKafkaConsumer) -> list[int]:
        client = reader._client  # noqa: SLF001  aiokafka has no other way to ask
        await client.add_topic(self._topic)
        while not (found := reader.partitions_for_topic(self._topic)):
            await asyncio.sleep(ASK_AGAIN_S)  # a broker that was not told of a new topic yet
            await client.force_metadata_update()
        return sorted(found)

    async def _read_to(self, reader: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> None:
        loop = asyncio.get_running_loop()
        moved_at, before = loop.time(), sum(self._next.values())
        while any(self._next[place.partition] < end for place, end in ends.items()):
            await self._round(reader)
            await self._note_positions(reader)
            if (at := sum(self._next.values())) != before:
                moved_at, before = loop.time(), at
            elif loop.time() - moved_at > STALL_S:
                raise TimeoutError(f"{self._topic} cannot be read to its end")

    async def _follow(self) -> None:
        while True:
            try:
                reader = self._reader or await self._another_reader()
                while True:
                    if await self._round(reader) or self._awaited:
                        await self._note_positions(reader)
            except (KafkaError, OSError, TimeoutError) as error:
                self._observer.observe(PlansUnread(repr(error)))
                await self._disconnect()
                await asyncio.sleep(RETRY_S)

    async def _another_reader(self) -> AIOKafkaConsumer:
        reader = self._consumer()
        try:
            await self._open(reader)
        except BaseException:
            await closing.stop(reader)
            raise
        self._reader = reader
        return reader

    async def _disconnect(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await closing.stop(reader)

    async def _round(self, reader: AIOKafkaConsumer) -> bool:
        """Hand over what came; whether anything did."""
        fetched: dict[TopicPartition, list[Any]] = await reader.getmany(
            timeout_ms=POLL_MS, max_records=MOST_AT_ONCE
        )
        for records in fetched.values():
            for record in records:
                counts = self.plans.read(record, len(self._next))
                self._writer.saw(record.key, record.offset, record.value, counts)
        await asyncio.sleep(0)  # what was fetched ahead is handed out without giving way to others
        return bool(fetched)

    async def _note_positions(self, reader: AIOKafkaConsumer) -> None:
        """They pass aborted records, too, once all before them was handed over."""
        for place in reader.assignment():
            self._next[place.partition] = await reader.position(place)
        async with self._moved:
            self._moved.notify_all()
