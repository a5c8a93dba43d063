"""The outboxes that the contract is run on, each with the topics it writes to."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol
from uuid import uuid4

from aiokafka.structs import TopicPartition

from app.adapters.clock import SystemClock
from app.adapters.kafka_outbox import KafkaOutbox, Surroundings
from streams.flow import Emission
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
        """The group gives the worker these partitions."""

    async def read(self, topic: str) -> list[Emission]:
        """What a reader of committed records finds."""


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

    async def read(self, topic: str) -> list[Emission]:
        return self._log.emissions(topic)


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
        self.positions: dict[int, int] = {}
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
                position=lambda partition: self.positions.get(partition, 0),
                busy=lambda: False,
                lifeline=Lifeline(),
            ),
            self.name,
        )

    async def start(self) -> None:
        for topic in (self.topics.responses, self.topics.usage, self.topics.deadletter):
            self._begins |= await ends_of(self.kafka.bootstrap, topic)
        await self.member.join()
        await self.outbox.start()

    async def stop(self) -> None:
        await self.outbox.stop()
        await self.member.leave()

    async def own(self, *partitions: int) -> None:
        self.ownership.revoked()
        self.ownership.assigned(self.member.membership, partitions)

    async def read(self, topic: str) -> list[Emission]:
        records = await read_all(self.kafka.bootstrap, topic)
        return [
            Emission(record.topic, record.partition, record.key, record.value, list(record.headers))
            for record in records
            if record.offset >= self._begins[TopicPartition(topic, record.partition)]
        ]
