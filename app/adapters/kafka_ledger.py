"""The ledger of answered ids: a partition's responses and dead letters, read from the checkpoint to the end.

What must hold: before a partition's first request is admitted, every outcome that any earlier owner published
or may still be publishing is known. So it is read up to the high watermark as of now, by a reader that stops
at open transactions; one that does not end (its worker is dead or frozen) is ended by taking over its name.
In the same way a new owner learns of every request that is parked.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from app import closing
from streams.answers import answered_by
from streams.flow import Answered
from streams.observations import LedgerRead, Observer
from streams.options import StreamOptions
from streams.ownership import Ownership, Tenure
from streams.ports import ClaimStore, Clock, ParkedSink, Shelf, ShelfKind, StoreUnavailable
from streams.topics import TopicNames

Sign = Callable[[int], Awaitable[None]]  # of a partition

POLL_MS = 200
PATIENCE_S = 1.0  # how long an open transaction may hold up a takeover before its producer is fenced
RETRY_S = 0.5
PORTION = 250  # parked requests that are handed over at once


class KafkaLedger:
    """Reads what was answered and hands it to the claim store; then the partition may be opened."""

    def __init__(
        self,
        options: StreamOptions,
        topics: TopicNames,
        claims: ClaimStore,
        ownership: Ownership,
        clock: Clock,
        observer: Observer,
    ) -> None:
        self._options: Final = options
        self._topics: Final = topics
        self._claims: Final = claims
        self._ownership: Final = ownership
        self._clock: Final = clock
        self._observer: Final = observer
        self._lock = asyncio.Lock()
        self._parked: ParkedSink | None = None

    def tell(self, parked: ParkedSink) -> None:
        """Who is told of parked requests; said before the first takeover."""
        self._parked = parked

    async def rebuild(self, partitions: Sequence[int], sign: Sign | None = None) -> frozenset[int]:
        """Bring the claim store up to date for these partitions, and open them. Until it works.

        A new owner signs each before it opens, and not before its predecessor's name was read.
        Returns those that are still ours: what was read for an earlier tenure opens no later one.
        """

        async def open_up(partition: int) -> None:
            if sign is not None and not tenures[partition].known:
                await sign(partition)
            tenures[partition].open()

        async with self._lock:
            tenures = {
                partition: tenure
                for partition in partitions
                if (tenure := self._ownership.tenure(partition)) is not None
            }
            while left := {partition: tenure for partition, tenure in tenures.items() if not tenure.over}:
                try:
                    await self._own(left)
                    await self._read(left, open_up)
                except (KafkaError, StoreUnavailable, OSError):
                    await asyncio.sleep(RETRY_S)
                else:
                    break
            return frozenset(partition for partition, tenure in tenures.items() if not tenure.over)

    async def own_again(self, partitions: Sequence[int]) -> None:
        """The store has others down as the owners of what is ours: it lost its last writes.

        Only what an earlier generation wrote is replaced. Whoever stands there of this one or a later one is
        the owner, and this worker has not been told yet.
        """
        for partition in partitions:
            tenure = self._ownership.tenure(partition)
            if tenure is None or tenure.over:
                continue
            with contextlib.suppress(StoreUnavailable):
                if not await self._claims.own([partition], tenure.generation - 1, tenure.name):
                    await self._claims.own([partition], tenure.generation, tenure.name)

    async def _own(self, tenures: Mapping[int, Tenure]) -> None:
        """Nobody else's claims are decided from here on, before what others published is read.

        A later generation's owner is left alone: this worker was frozen, and will be told so. That is not so
        where the group was made anew and counts from the beginning: after a while it is taken in any case.
        """
        give_up = self._clock.now() + 2 * self._options.kafka.session_timeout_s
        for partition, tenure in tenures.items():
            while not tenure.over:
                forced = self._clock.now() >= give_up
                if not await self._claims.own([partition], tenure.generation, tenure.name, forced=forced):
                    break
                await asyncio.sleep(RETRY_S)

    async def _read(self, tenures: Mapping[int, Tenure], open_up: Sign) -> None:
        places = self._places(tenures)
        reader = self._consumer("read_committed")
        try:
            _, ends = await asyncio.gather(reader.start(), self._ends(places))
            reader.assign(places)
            await self._seek(reader, ends)
            await self._follow(reader, ends, tenures, open_up)
        finally:
            await closing.stop(reader)

    def _places(self, tenures: Mapping[int, Tenure]) -> list[TopicPartition]:
        topics = (self._topics.responses, self._topics.deadletter)
        places = [TopicPartition(topic, partition) for partition in tenures for topic in topics]
        if self._parked is not None:
            # Not where only the store was emptied: who has the partition open knows what is parked there.
            gained = [partition for partition, tenure in tenures.items() if not tenure.known]
            places += [TopicPartition(self._topics.parked, partition) for partition in gained]
        return places

    def _consumer(self, isolation: str) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._options.kafka.bootstrap,
            isolation_level=isolation,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=POLL_MS // 2,
        )

    async def _ends(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The high watermarks, beyond open transactions too."""
        consumer = self._consumer("read_uncommitted")
        await consumer.start()
        try:
            ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
            return ends
        finally:
            await closing.stop(consumer)

    async def _seek(self, reader: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> None:
        """To the checkpoints; where there is none, or none that can be right, back to the horizon."""
        begins = await reader.beginning_offsets(list(ends))
        unknown = []
        for place, end in ends.items():
            if self._parked is not None and place.topic == self._topics.parked:
                reader.seek(place, begins[place])
                self._parked.begin(place.partition)
                continue
            checkpoint = await self._claims.checkpoint(self._shelf(place))
            if checkpoint is not None and begins[place] <= checkpoint <= end:
                reader.seek(place, checkpoint)
            else:
                unknown.append(place)
        horizon = self._clock.at() - timedelta(days=self._options.flow.idempotency_days)
        horizon_ms = int(horizon.timestamp() * 1000)
        # Where nothing is that young, an open transaction may still become so: it begins at the stable end,
        # which is asked for first, or a commit in between would move it past what was not found.
        stable = await reader.end_offsets(unknown) if unknown else {}
        found = await reader.offsets_for_times(dict.fromkeys(unknown, horizon_ms)) if unknown else {}
        for place, offset in found.items():
            reader.seek(place, min(ends[place], stable[place]) if offset is None else offset.offset)

    def _shelf(self, place: TopicPartition) -> Shelf:
        kind: ShelfKind = "responses" if place.topic == self._topics.responses else "deadletter"
        return Shelf(kind, place.partition)

    def _answered(self, record: Any) -> Answered | None:
        return answered_by(record.key, record.headers, letter=record.topic == self._topics.deadletter)

    async def _follow(
        self,
        reader: AIOKafkaConsumer,
        ends: dict[TopicPartition, int],
        tenures: Mapping[int, Tenure],
        open_up: Sign,
    ) -> None:
        started = self._clock.now()
        behind = dict(ends)
        read = dict.fromkeys(tenures, 0)
        fenced: set[TopicPartition] = set()
        while True:
            # The position passes aborted records and markers, too, once all before them was handed out.
            for place in [place for place in behind if await reader.position(place) >= ends[place]]:
                if place.topic != self._topics.parked:
                    owner = tenures[place.partition].name
                    await self._claims.rebuilt(self._shelf(place), ends[place], owner)
                del behind[place]
                if all(other.partition != place.partition for other in behind):
                    await open_up(place.partition)
                    elapsed = self._clock.now() - started
                    self._observer.observe(LedgerRead(place.partition, read[place.partition], elapsed))
            behind = {place: end for place, end in behind.items() if not tenures[place.partition].over}
            if not behind:
                return
            if self._clock.now() - started > PATIENCE_S:
                await self._end_held_up(reader, behind, fenced)
            fetched: dict[TopicPartition, list[Any]] = await reader.getmany(
                timeout_ms=POLL_MS, max_records=5000
            )
            for place, records in fetched.items():
                if place.topic == self._topics.parked:
                    earlier = [record for record in records if record.offset < ends[place]]  # none of our own
                    await self._hand_over(place.partition, earlier, tenures[place.partition])
                else:
                    read[place.partition] += len(records)
                    answered = [one for record in records if (one := self._answered(record))]
                    await self._claims.answer(answered, {})

    async def _hand_over(self, partition: int, records: Sequence[Any], tenure: Tenure) -> None:
        """Parked requests, in portions, so that what runs on other partitions goes on meanwhile."""
        sink = self._parked
        for start in range(0, len(records), PORTION):
            if sink is None or tenure.over:
                return
            for record in records[start : start + PORTION]:
                if record.key is not None:
                    sink.take(partition, record.offset, record.key, record.value)
            await asyncio.sleep(0)

    async def _end_held_up(
        self, reader: AIOKafkaConsumer, behind: Mapping[TopicPartition, int], fenced: set[TopicPartition]
    ) -> None:
        """Much to read is no reason to fence a worker that lives; an open transaction before the end is."""
        held = {
            place
            for place, end in behind.items()
            if (stable := reader.last_stable_offset(place)) is not None and stable < end
        }
        if held - fenced:
            await self._fence(held - fenced)
            fenced |= held

    async def _fence(self, held: Collection[TopicPartition]) -> None:
        """End the transactions of the workers that owned these partitions last."""
        if self._options.kafka.delivery != "transactional":
            return
        admin = AIOKafkaAdminClient(bootstrap_servers=self._options.kafka.bootstrap)
        await admin.start()
        try:
            requests = [TopicPartition(self._topics.requests, place.partition) for place in held]
            offsets = await admin.list_consumer_group_offsets(self._options.kafka.app_id, partitions=requests)
        finally:
            await admin.close()
        prefix = f"{self._options.kafka.app_id}-"
        for name in {offset.metadata for offset in offsets.values() if offset.metadata.startswith(prefix)}:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._options.kafka.bootstrap, transactional_id=name
            )
            try:
                await producer.start()  # InitProducerId: aborts what is open and fences whoever opened it
            finally:
                await producer.stop()
