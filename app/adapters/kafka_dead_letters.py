"""Finds dead letters again, for replays: a partition is read through once, then only what is new on it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import orjson
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from pydantic import ValidationError

from app import closing
from app.adapters.letter_places import Index, LetterPlaces, Placed
from app.adapters.records_at import RecordsAt
from schemas.codec import Undecodable, decode
from schemas.dead_letters import DeadLetter
from streams.options import KafkaOptions

POLL_MS = 200
MOST_AT_ONCE = 500
RETRY_S = 0.5

Wanted = dict[str, int | None]  # ids, and where their letters were found


@dataclass(slots=True)
class Round:
    """One look at a partition, for all who asked before it began."""

    wanted: Wanted = field(default_factory=dict)
    over: bool = False


class KafkaDeadLetters:
    """The dead letters of a deployment. Who asks while Kafka is away waits."""

    def __init__(
        self, kafka: KafkaOptions, topic: str, records: RecordsAt, places: LetterPlaces | None = None
    ) -> None:
        self._kafka: Final = kafka
        self._topic: Final = topic
        self._records: Final = records
        self._places: Final = places or LetterPlaces()
        self._rounds: defaultdict[int, Round] = defaultdict(Round)
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def find(self, partition: int, dead_letter_id: str) -> DeadLetter | None:
        """The one of this id; None where it is not there, or cannot be read."""
        for _ in range(2):
            offset = await self._place(partition, dead_letter_id)
            if offset is None:
                return None
            letter = await self._letter(partition, offset)
            if letter is not None and letter.dead_letter_id == dead_letter_id:
                return letter
            self._places.forget(partition)  # the topic was made anew
        return None

    async def _letter(self, partition: int, offset: int) -> DeadLetter | None:
        values = await self._records.read(TopicPartition(self._topic, partition), [offset])
        try:
            return decode(DeadLetter, values.get(offset))
        except (Undecodable, ValidationError, ValueError):
            return None

    async def _place(self, partition: int, dead_letter_id: str) -> int | None:
        """All who ask while others look have the next look together."""
        known = self._places.of(partition).places.get(dead_letter_id)
        if known is not None:
            return known
        mine = self._rounds[partition]
        mine.wanted[dead_letter_id] = None
        async with self._turns[partition]:
            if not mine.over:
                self._rounds[partition] = Round()  # who asks from now on may ask for what is written just now
                await self._look(partition, mine.wanted)
                mine.over = True
        return mine.wanted[dead_letter_id]

    async def _look(self, partition: int, wanted: Wanted) -> None:
        place = TopicPartition(self._topic, partition)
        known = self._places.of(partition).places
        wanted |= {letter_id: known.get(letter_id) for letter_id in wanted}
        while None in wanted.values():
            try:
                async with self._reader() as reader:
                    index = await self._read_on(reader, place)
                    wanted |= {letter_id: index.places.get(letter_id) for letter_id in wanted}
                    if None in wanted.values() and not index.whole:
                        await _search(reader, place, wanted)
            except (KafkaError, OSError, TimeoutError):
                await asyncio.sleep(RETRY_S)
            else:
                return

    @asynccontextmanager
    async def _reader(self) -> AsyncGenerator[AIOKafkaConsumer, None]:
        reader = AIOKafkaConsumer(
            bootstrap_servers=self._kafka.bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=POLL_MS // 2,
        )
        try:
            await reader.start()
            yield reader
        finally:
            await closing.stop(reader)

    async def _read_on(self, reader: AIOKafkaConsumer, place: TopicPartition) -> Index:
        """Note where all stand that were written since it was read last."""
        while not await _noted(reader, place, index := self._places.of(place.partition), self._places.trim):
            self._places.forget(place.partition)
        return index


async def _noted(
    reader: AIOKafkaConsumer, place: TopicPartition, index: Index, trim: Callable[[], None]
) -> bool:
    """False where what was read last stands there no more: all before it is gone, or the topic is another."""
    expected = index.last
    async with aclosing(_letters(reader, place, 0 if expected is None else expected[0])) as batches:
        async for batch in batches:
            if expected is not None and batch[0] != expected:
                return False
            expected = None
            for placed in batch:
                index.add(placed)
            trim()
    return expected is None


async def _search(reader: AIOKafkaConsumer, place: TopicPartition, wanted: Wanted) -> None:
    """Read all of it for those that the index may have forgotten."""
    async with aclosing(_letters(reader, place, 0)) as batches:
        async for batch in batches:
            wanted |= {letter_id: offset for offset, letter_id in batch if letter_id in wanted}
            if None not in wanted.values():
                return


async def _letters(
    reader: AIOKafkaConsumer, place: TopicPartition, start: int
) -> AsyncGenerator[list[Placed], None]:
    """The offsets and ids of all letters from there to the end as it is now; no batch is empty."""
    reader.assign([place])
    end = (await reader.end_offsets([place]))[place]
    reader.seek(place, max(start, (await reader.beginning_offsets([place]))[place]))
    while await reader.position(place) < end:
        fetched = await reader.getmany(timeout_ms=POLL_MS, max_records=MOST_AT_ONCE)
        found = [(record.offset, _id_of(record.value)) for record in fetched.get(place, ())]
        if letters := [(offset, letter_id) for offset, letter_id in found if letter_id is not None]:
            yield letters


def _id_of(value: bytes | None) -> str | None:
    try:
        told = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    found = told.get("dead_letter_id") if isinstance(told, dict) else None
    return found if isinstance(found, str) else None
