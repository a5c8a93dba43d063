"""Finds a dead letter again, for a replay: its partition is read through, which is rare enough."""

from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from pydantic import ValidationError

from schemas.codec import Undecodable, decode
from schemas.dead_letters import DeadLetter
from streams.options import KafkaOptions

POLL_MS = 200
MOST_AT_ONCE = 500
TRIES = 5


class KafkaDeadLetters:
    """The dead letters of a deployment."""

    def __init__(self, kafka: KafkaOptions, topic: str) -> None:
        self._kafka: Final = kafka
        self._topic: Final = topic

    async def find(self, partition: int, dead_letter_id: str) -> DeadLetter | None:
        """The one of this id; None where it is not there, or cannot be read."""
        for attempt in range(TRIES):
            try:
                return await self._search(TopicPartition(self._topic, partition), dead_letter_id)
            except KafkaError:
                if attempt == TRIES - 1:
                    raise
        return None

    async def _search(self, place: TopicPartition, dead_letter_id: str) -> DeadLetter | None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._kafka.bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        try:
            await consumer.start()
            end = (await consumer.end_offsets([place]))[place]
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            while await consumer.position(place) < end:
                fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=MOST_AT_ONCE)
                for record in fetched.get(place, ()):
                    letter = _letter(record, dead_letter_id)
                    if letter is not None:
                        return letter
            return None
        finally:
            await consumer.stop()


def _letter(record: Any, dead_letter_id: str) -> DeadLetter | None:
    value = record.value or b""
    if dead_letter_id.encode() not in value:  # spares the decoding of nearly all
        return None
    try:
        letter = decode(DeadLetter, value)
    except (Undecodable, ValidationError, ValueError):
        return None
    return letter if letter.dead_letter_id == dead_letter_id else None
