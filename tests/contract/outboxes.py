"""The outboxes that the contract is run on, each with the topics it writes to."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol
from uuid import uuid4

from aiokafka.client import AIOKafkaClient
from aiokafka.structs import TopicPartition

from app import provision
from app.adapters import command_notes, group_offsets
from app.adapters.clock import SystemClock
from app.adapters.group_offsets import Committed
from app.adapters.kafka_outbox import KafkaOutbox, Surroundings
from streams.flow import DealtWith, Emission
from streams.lifeline import Lifeline
from streams.observations import Observers
from streams.options import Delivery, KafkaOptions, StreamOptions
from streams.ownership import Membership, Ownership
from streams.ports import Outbox
from streams.topics import TopicNames, topic_names
from tests.broker.group_member import GroupMember
from tests.broker.topic_reader import ends_of, read_all
from tests.doubles.hand_clock import HandClock
from tests.doubles.memory_claims import MemoryClaims
from tests.doubles.memory_outbox import NAMES, MemoryLog, MemoryOutbox
from tests.doubles.observed import Observed

PARTITIONS = 4
STABLE_S = 15.0
Position = Callable[[int], int | None]


class OutboxCase(Protocol):
    """One worker's outbox, and what stands on the topics behind it."""

    ownership: Ownership
    claims: MemoryClaims
    topics: TopicNames

    @property
    def outbox(self) -> Outbox:
        """What is judged."""

    async def own(self, *partitions: int) -> None:
        """The group gives the worker these partitions; those that it had were nobody else's in between."""

    async def regain(self, *partitions: int) -> None:
        """The same, but somebody else may have had them in between."""

    async def read(self, topic: str) -> list[Emission]:
        """What a reader of committed records finds."""

    async def offsets(self, topic: str, partition: int) -> list[int]:
        """Where they stand, without those of earlier tests."""

    async def dealt_with(self, partition: int) -> DealtWith | None:
        """Which of the partition's commands the group has dealt with."""


class MemoryCase:
    """The double."""

    def __init__(self) -> None:
        clock = HandClock()
        self.topics = NAMES
        self.ownership = Ownership()
        self.claims = MemoryClaims(lambda: round(clock.at().timestamp() * 1000))
        self._log = MemoryLog()
        self._generation = 0
        self.outbox = MemoryOutbox(self._log, self.ownership, self.claims, clock, Observed())

    async def start(self) -> None:
        await self.outbox.start()

    async def stop(self) -> None:
        await self.outbox.stop()

    async def own(self, *partitions: int) -> None:
        self._generation += 1
        self.ownership.revoked()
        self.ownership.assigned(Membership(self._generation, "m-1", None), partitions)

    async def regain(self, *partitions: int) -> None:
        self._generation += 1
        await self.own(*partitions)

    async def read(self, topic: str) -> list[Emission]:
        return self._log.emissions(topic)

    async def offsets(self, topic: str, partition: int) -> list[int]:
        return list(range(len(self._log.partitions[topic, partition])))

    async def dealt_with(self, partition: int) -> DealtWith | None:
        return self._log.commands.get(partition)


class KafkaCase:
    """The real thing, in one of its deliveries, as a real member of a group of its own."""

    def __init__(self, topics: KafkaOptions, delivery: Delivery) -> None:
        self.kafka = replace(topics, app_id=f"outbox-{uuid4().hex[:10]}", delivery=delivery)
        prefix = topics.topic_prefix
        clock = SystemClock()
        self.topics = topic_names(prefix, self.kafka.app_id)
        self.ownership = Ownership()
        self.observed = Observed()
        self.claims = MemoryClaims(lambda: round(clock.at().timestamp() * 1000))
        self.member = GroupMember(self.kafka)
        self._owning: Membership | None = None
        self.positions: dict[int, int] = dict.fromkeys(range(PARTITIONS), 0)
        self._begins: dict[TopicPartition, int] = {}  # what stood there before is an earlier test's
        self.name = f"{self.kafka.app_id}-{uuid4().hex}" if delivery == "transactional" else None
        self.outbox = KafkaOutbox(
            Surroundings(
                options=StreamOptions(kafka=self.kafka),
                topics=self.topics,
                ownership=self.ownership,
                claims=self.claims,
                clock=clock,
                observer=Observers(self.observed),
                position=lambda partition: self.positions.get(partition),
                busy=lambda: False,
                lifeline=Lifeline(),
            ),
            self.name,
        )

    async def start(self) -> None:
        for topic in (self.topics.responses, self.topics.usage, self.topics.deadletter):
            self._begins |= await ends_of(self.kafka.bootstrap, topic)
        await provision.create(self.kafka)  # the parked topic belongs to the group, the others exist
        await self.member.join()
        await self.outbox.start()

    async def stop(self) -> None:
        await self.outbox.stop()
        await self.member.leave()

    async def own(self, *partitions: int) -> None:
        self.ownership.revoked()
        if self.member.membership == self._owning:
            await self.member.join_again()
        self._assigned(partitions)

    async def regain(self, *partitions: int) -> None:
        """Within one generation; the coordinator takes the worker for the same as before."""
        self.ownership.revoked()
        self._assigned(partitions)

    def _assigned(self, partitions: Sequence[int]) -> None:
        self._owning = self.member.membership
        self.ownership.assigned(self._owning, partitions)

    async def read(self, topic: str) -> list[Emission]:
        return [
            Emission(record.topic, record.partition, record.key, record.value, list(record.headers))
            for record in await self._records(topic)
        ]

    async def offsets(self, topic: str, partition: int) -> list[int]:
        return [record.offset for record in await self._records(topic) if record.partition == partition]

    async def dealt_with(self, partition: int) -> DealtWith | None:
        place = TopicPartition(self.topics.control, partition)
        committed = (await committed_by(self.kafka, [place])).get(place)
        return None if committed is None else command_notes.read(committed)

    async def _records(self, topic: str) -> list[Any]:
        return [
            record
            for record in await read_all(self.kafka.bootstrap, topic)
            if record.offset >= self._begins.get(TopicPartition(topic, record.partition), 0)
        ]


async def committed_by(
    kafka: KafkaOptions, places: Sequence[TopicPartition]
) -> dict[TopicPartition, Committed | None]:
    """What the group has committed, once no transaction is about to change it."""
    client = AIOKafkaClient(bootstrap_servers=kafka.bootstrap)
    await client.bootstrap()
    try:
        async with asyncio.timeout(STABLE_S):
            while True:
                found = await group_offsets.committed(client, places, kafka.app_id, stable=True)
                if len(found) == len(places):
                    return found
    finally:
        await client.close()
