"""The positions that a batch of outcomes commits: how far its partitions' requests and commands are done."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Final

from aiokafka.client import AIOKafkaClient
from aiokafka.structs import TopicPartition

from app.adapters import group_offsets
from streams.flow import Parcel
from streams.ownership import Assignment
from streams.topics import TopicNames

PATIENCE_S = 3.0
UNSTABLE_RETRY_S = 0.02


class Positions:
    """Of all partitions that this worker owns."""

    def __init__(self, topics: TopicNames, group_id: str, released: Callable[[int], int | None]) -> None:
        self._topics: Final = topics
        self._group_id: Final = group_id
        self._released: Final = released
        self._stood: dict[int, int] = {}
        self._stood_under: Assignment | None = None

    async def proving(
        self, client: AIOKafkaClient, parcels: Sequence[Parcel], assignment: Assignment
    ) -> dict[TopicPartition, int]:
        """Never empty, since the commit is the fence, too."""
        positions = self.of_control(parcels)
        partitions = {parcel.partition for parcel in parcels}
        for partition in partitions:
            if (position := self._released(partition)) is not None:
                positions[TopicPartition(self._topics.requests, partition)] = position
        return positions or await self._standing(client, partitions, assignment)

    def of_control(self, parcels: Sequence[Parcel]) -> dict[TopicPartition, int]:
        """Up to where commands are dealt with."""
        positions: dict[TopicPartition, int] = {}
        for parcel in parcels:
            if parcel.control_position is not None:
                place = TopicPartition(self._topics.control, parcel.partition)
                positions[place] = max(parcel.control_position, positions.get(place, 0))
        return positions

    async def _standing(
        self, client: AIOKafkaClient, partitions: Collection[int], assignment: Assignment
    ) -> dict[TopicPartition, int]:
        """Of partitions that were taken over and not read yet: where they stood, which is committed again.

        It cannot have changed since under the same assignment, for then something would have been read.
        """
        if self._stood_under is not assignment:
            self._stood, self._stood_under = {}, assignment
        places = [TopicPartition(self._topics.requests, partition) for partition in partitions]
        async with asyncio.timeout(PATIENCE_S):  # a transaction of ours is open meanwhile
            while unknown := [place for place in places if place.partition not in self._stood]:
                found = await group_offsets.committed(client, unknown, self._group_id, stable=True)
                self._stood |= {place.partition: offset or 0 for place, offset in found.items()}
                if len(found) < len(unknown):
                    await asyncio.sleep(UNSTABLE_RETRY_S)
        return {place: self._stood[place.partition] for place in places}
