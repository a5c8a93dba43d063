"""The positions that a batch of outcomes commits: how far its partitions' requests and commands are done."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Final

from aiokafka.client import AIOKafkaClient
from aiokafka.structs import TopicPartition

from app.adapters import command_notes, group_offsets
from app.adapters.group_offsets import Committed
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
        self, client: AIOKafkaClient, parcels: Sequence[Parcel], assignment: Assignment, name: str
    ) -> dict[TopicPartition, Committed]:
        """Never empty, since the commit is the fence, too. `name`: whose offsets these are."""
        positions = self.of_control(parcels)
        partitions = {parcel.partition for parcel in parcels}
        for partition in partitions:
            if (position := self._released(partition)) is not None:
                positions[TopicPartition(self._topics.requests, partition)] = Committed(position, name)
        if positions:
            return positions
        standing = await self._standing(client, partitions, assignment)
        return {place: Committed(offset, name) for place, offset in standing.items()}

    def of_control(self, parcels: Sequence[Parcel]) -> dict[TopicPartition, Committed]:
        """Which commands are dealt with: the last parcel of a partition knows of those before it."""
        return {
            TopicPartition(self._topics.control, parcel.partition): Committed(
                parcel.commands.position, command_notes.written(parcel.commands)
            )
            for parcel in parcels
            if parcel.commands is not None
        }

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
                self._stood |= {place.partition: one.offset if one else 0 for place, one in found.items()}
                if len(found) < len(unknown):
                    await asyncio.sleep(UNSTABLE_RETRY_S)
        return {place: self._stood[place.partition] for place in places}
