"""The tail of the control topic: what stands on the partitions that are ours, then what comes."""

import asyncio
import contextlib
from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from app import closing
from app.adapters import command_notes, group_offsets
from streams.flow import DealtWith, Record
from streams.lifeline import Lifeline
from streams.options import KafkaOptions
from streams.ports import Clock, ControlSink
from streams.topics import LOG_APPEND_TIME

MEMORY = timedelta(hours=24)  # for so long a cancel that precedes its request holds
POLL_MS = 50  # until a new assignment is looked at
FETCH_WAIT_MS = 100  # an assignment that changes waits for the fetch under way
MOST_AT_ONCE = 500
RETRY_S = 0.5


class Tail:
    """One partition during one tenure."""

    __slots__ = ("caught_up", "dealt_with", "next", "target")

    def __init__(self) -> None:
        self.next: int | None = None  # the offset to go on at; None: where to begin is not known yet
        self.dealt_with = DealtWith(0)
        self.target = 0  # what stands below stood there when the partition was gained
        self.caught_up = False


class KafkaControl:
    """Follows the control topic without a group: which partitions it reads is told from outside."""

    def __init__(
        self, kafka: KafkaOptions, topic: str, clock: Clock, sink: ControlSink, lifeline: Lifeline
    ) -> None:
        self._kafka: Final = kafka
        self._topic: Final = topic
        self._clock: Final = clock
        self._sink: Final = sink
        self._lifeline: Final = lifeline
        self._tails: dict[int, Tail] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to follow."""
        self._task = self._lifeline.hold(asyncio.create_task(self._loop()))

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def assigned(self, partitions: Collection[int], gained: Collection[int]) -> None:
        """These are ours from now on; of the others nothing is handed over any more.

        Those that were gained (also those that may have been another's in between) begin anew.
        """
        kept = {partition: tail for partition, tail in self._tails.items() if partition not in gained}
        self._tails = {partition: kept.get(partition) or Tail() for partition in partitions}
        self._changed.set()

    async def _loop(self) -> None:
        while True:
            reader = AIOKafkaConsumer(
                bootstrap_servers=self._kafka.bootstrap,
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                fetch_max_wait_ms=FETCH_WAIT_MS,
            )
            try:
                await reader.start()
                await self._follow(reader)
            except (KafkaError, OSError, TimeoutError):
                await asyncio.sleep(RETRY_S)
            finally:
                await closing.stop(reader)

    async def _follow(self, reader: AIOKafkaConsumer) -> None:
        following: dict[int, Tail] = {}
        ask_at = self._clock.now()
        while True:
            self._changed.clear()
            tails = self._tails
            unknown = {partition: tail for partition, tail in tails.items() if tail.next is None}
            if unknown and self._clock.now() >= ask_at:
                try:
                    await self._locate(reader, unknown)
                except KafkaError:  # those that are known go on
                    ask_at = self._clock.now() + RETRY_S
            known = {partition: tail for partition, tail in tails.items() if tail.next is not None}
            if known != following:
                self._assign(reader, known)
                following = known
            await self._tell_caught_up(reader, following)
            if not tails:
                await self._changed.wait()
            elif not following:
                await asyncio.sleep(POLL_MS / 1000)
            else:
                await self._hand_over(reader, following)

    async def _locate(self, reader: AIOKafkaConsumer, tails: dict[int, Tail]) -> None:
        """Where these begin; those of which a transaction is about to commit that are left for later."""
        places = {TopicPartition(self._topic, partition): tail for partition, tail in tails.items()}
        client = reader._client  # noqa: SLF001  aiokafka's own way of asking knows no stable offsets
        stable = self._kafka.delivery == "transactional"
        committed = await group_offsets.committed(client, places, self._kafka.app_id, stable=stable)
        if not committed:
            return
        begins = await reader.beginning_offsets(list(committed))
        # The ends first: where nothing is young, what is committed in between must not be passed over.
        ends = await reader.end_offsets(list(committed))
        since_ms = round((self._clock.at() - MEMORY).timestamp() * 1000)
        young = await reader.offsets_for_times(dict.fromkeys(committed, since_ms))
        for place, done in committed.items():
            tail, begin, end = places[place], begins[place], ends[place]
            if done is not None and done.offset <= end:  # else nothing was, or in a topic that is gone
                tail.dealt_with = command_notes.read(done)
            tail.target = end
            since = end if young[place] is None else young[place].offset
            tail.next = max(begin, min(tail.dealt_with.position, since))

    def _assign(self, reader: AIOKafkaConsumer, tails: dict[int, Tail]) -> None:
        if not tails:
            reader.unsubscribe()
            return
        reader.assign([TopicPartition(self._topic, partition) for partition in tails])
        for partition, tail in tails.items():
            reader.seek(TopicPartition(self._topic, partition), tail.next)

    async def _tell_caught_up(self, reader: AIOKafkaConsumer, tails: dict[int, Tail]) -> None:
        for partition, tail in tails.items():
            if tail.caught_up:
                continue
            # The position passes aborted records, too, once all before them was handed over.
            position = await reader.position(TopicPartition(self._topic, partition))
            if position >= tail.target and self._tails.get(partition) is tail:
                tail.caught_up = True
                self._sink.caught_up(partition)

    async def _hand_over(self, reader: AIOKafkaConsumer, tails: dict[int, Tail]) -> None:
        fetched: dict[TopicPartition, list[Any]] = await reader.getmany(
            timeout_ms=POLL_MS, max_records=MOST_AT_ONCE
        )
        for place, records in fetched.items():
            tail = tails[place.partition]
            for record in records:
                if self._tails.get(place.partition) is not tail:
                    break  # it is another's now, or begins anew
                tail.next = record.offset + 1
                effective = not tail.dealt_with.covers(record.offset)
                self._sink.take(place.partition, record.offset, _record(record), effective)


def _record(record: Any) -> Record:
    return Record(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        tuple(record.headers),
        record.timestamp_type == LOG_APPEND_TIME,
    )
