"""How far behind this worker is on each of its partitions, asked of Kafka every few seconds.

The lag of a partition is its end less the first offset that is not released: what an operator and an
autoscaler want to see go down. Nothing is counted per record. Transactional producers leave markers behind
their last record, which nobody ever releases: a gap that holds nothing else is no lag.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from app import closing
from streams.options import KafkaOptions
from streams.ownership import Ownership

EVERY_S = 3.0
ASK_S = 5.0  # for one round of questions
PEEK_MS = 500
STALE_ROUNDS = 3  # so many failed rounds, and what was known is no longer told

Gap = tuple[int, int]  # the first offset that is not released, and the end


class KafkaLag:
    """Asks for the ends of the owned partitions; `position` says where this worker is."""

    def __init__(
        self,
        kafka: KafkaOptions,
        topic: str,
        ownership: Ownership,
        position: Callable[[int], int | None],
        every_s: float = EVERY_S,
    ) -> None:
        self._kafka: Final = kafka
        self._topic: Final = topic
        self._ownership: Final = ownership
        self._position: Final = position
        self._every_s: Final = every_s
        self._ends: dict[int, int] = {}
        self._committed: dict[int, int] = {}
        self._gaps: dict[int, Gap] = {}
        self._judged: dict[
            int, tuple[Gap, bool]
        ] = {}  # gaps that were looked into, and whether they are empty
        self._failed_rounds = 0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to ask. Kafka need not answer yet."""
        self._task = asyncio.create_task(self._loop())

    async def stop(self) -> None:
        """Ask no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def answers(self) -> bool:
        """Whether Kafka answered lately."""
        return self._failed_rounds < STALE_ROUNDS

    def lags(self) -> Mapping[int, int]:
        """The lag of each owned partition, as far as it is known."""
        if not self.answers():
            return {}
        return {
            partition: 0 if self._judged.get(partition) == (gap, True) else max(0, gap[1] - gap[0])
            for partition, gap in self._present_gaps().items()
        }

    def _present_gaps(self) -> dict[int, Gap]:
        gaps: dict[int, Gap] = {}
        for partition in self._ownership.partitions:
            begin, end = self._position(partition), self._ends.get(partition)
            if begin is None:
                begin = self._committed.get(partition)
            if begin is not None and end is not None:
                gaps[partition] = (begin, end)
        return gaps

    async def _loop(self) -> None:
        while True:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                consumer = self._consumer()
                try:
                    await consumer.start()
                    while True:
                        await self._round(consumer)
                        await asyncio.sleep(self._every_s)
                finally:
                    await closing.stop(consumer)
            self._failed_rounds += 1
            await asyncio.sleep(self._every_s)

    def _consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._kafka.bootstrap,
            isolation_level="read_committed",  # as intake reads: what is not committed is not behind
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=PEEK_MS // 2,
        )

    async def _round(self, consumer: AIOKafkaConsumer) -> None:
        owned = self._ownership.partitions
        self._committed = {
            partition: offset for partition, offset in self._committed.items() if partition in owned
        }
        async with asyncio.timeout(ASK_S):
            ends = (
                await consumer.end_offsets([self._place(partition) for partition in owned]) if owned else {}
            )
            self._ends = {place.partition: end for place, end in ends.items()}
            unread = [
                partition
                for partition in owned
                if self._position(partition) is None and partition not in self._committed
            ]
            if unread:
                self._committed |= await self._beginnings(consumer, unread)
        self._failed_rounds = 0
        await self._look_into_gaps()

    def _place(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)

    async def _beginnings(self, consumer: AIOKafkaConsumer, partitions: Collection[int]) -> dict[int, int]:
        """Where the group stands on partitions of which nothing was read here yet."""
        places = [self._place(partition) for partition in partitions]
        begins = await consumer.beginning_offsets(places)
        admin = AIOKafkaAdminClient(bootstrap_servers=self._kafka.bootstrap)
        try:
            await admin.start()
            committed = await admin.list_consumer_group_offsets(self._kafka.app_id, partitions=places)
        finally:
            await admin.close()
        return {place.partition: max(committed[place].offset, begins[place]) for place in places}

    async def _look_into_gaps(self) -> None:
        """Find out which gaps hold no record, of those that did not change since the last round."""
        before, self._gaps = self._gaps, self._present_gaps()
        unsure = {
            partition: gap
            for partition, gap in self._gaps.items()
            if gap[0] < gap[1]
            and gap == before.get(partition)
            and self._judged.get(partition, ((-1, -1), False))[0] != gap
        }
        if unsure:
            self._judged |= await self._peek(unsure)

    async def _peek(self, gaps: Mapping[int, Gap]) -> dict[int, tuple[Gap, bool]]:
        """Read the gaps until there is a record, or the end."""
        judged: dict[int, tuple[Gap, bool]] = {}
        reader = self._consumer()
        try:
            await reader.start()
            reader.assign([self._place(partition) for partition in gaps])
            for partition, (begin, _) in gaps.items():
                reader.seek(self._place(partition), begin)
            async with asyncio.timeout(ASK_S):
                while left := gaps.keys() - judged.keys():
                    records = await reader.getmany(timeout_ms=PEEK_MS, max_records=len(left))
                    for partition in left:
                        if records.get(self._place(partition)):
                            judged[partition] = (gaps[partition], False)
                        elif await reader.position(self._place(partition)) >= gaps[partition][1]:
                            judged[partition] = (gaps[partition], True)
        finally:
            await closing.stop(reader)
        return judged
