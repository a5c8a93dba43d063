"""Parked requests on Kafka, read again from their places."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from aiokafka.structs import TopicPartition

from app.adapters.records_at import RecordsAt
from streams.observations import Fault, Observer
from streams.options import KafkaOptions
from streams.parked import Parked, ParkedPlace, decode_parked


class KafkaParked:
    """Reads parked requests. Until Kafka answers, where it is away."""

    def __init__(self, kafka: KafkaOptions, topic: str, observer: Observer) -> None:
        self._topic: Final = topic
        self._observer: Final = observer
        self.records: Final = RecordsAt(kafka)

    async def start(self) -> None:
        """Connect."""
        await self.records.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self.records.stop()

    async def fetch(self, places: Sequence[ParkedPlace]) -> Sequence[Parked | None]:
        """In the order of the places; None where the record is gone."""
        offsets: defaultdict[int, set[int]] = defaultdict(set)
        for place in places:
            offsets[place.partition].add(place.offset)
        async with asyncio.TaskGroup() as group:
            reading = {
                partition: group.create_task(
                    self.records.read(TopicPartition(self._topic, partition), sorted(wanted))
                )
                for partition, wanted in offsets.items()
            }
        values = {partition: task.result() for partition, task in reading.items()}
        return [self._decoded(place, values[place.partition].get(place.offset)) for place in places]

    def _decoded(self, place: ParkedPlace, value: bytes | None) -> Parked | None:
        if value is None:
            return None
        try:
            return decode_parked(value)
        except ValueError as error:
            where = f"{self._topic}, partition {place.partition}, offset {place.offset}"
            self._observer.observe(Fault("parked", f"{where} cannot be read: {error!r}"))
            return None
