"""The next owner of partitions, who reads what earlier ones left, and one of those who left it."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.structs import TopicPartition

from app.adapters import record_batches
from app.adapters.clock import SystemClock
from app.adapters.fenced_producer import FencedProducer
from app.adapters.group_offsets import Committed
from app.adapters.kafka_ledger import KafkaLedger
from streams.flow import Duplicate, Emission
from streams.options import FlowOptions, KafkaOptions, StreamOptions
from streams.ownership import Membership, Ownership
from streams.ports import Claim
from streams.topics import topic_names
from tests.broker.group_member import GroupMember
from tests.broker.outcomes import SHA
from tests.doubles.memory_claims import MemoryClaims
from tests.doubles.observed import Observed


class ParkedNotes:
    """Notes what it is told of parked requests."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.taken: dict[int, list[tuple[int, bytes, bytes | None]]] = {}

    def begin(self, partition: int) -> None:
        self.begun.append(partition)
        self.taken[partition] = []

    def take(self, partition: int, offset: int, key: bytes, value: bytes | None) -> None:
        self.taken[partition].append((offset, key, value))


class Owner:
    """The next owner of partitions."""

    def __init__(self, kafka: KafkaOptions, days: int = 7) -> None:
        clock = SystemClock()
        self.kafka = kafka
        self.topics = topic_names(kafka.topic_prefix, kafka.app_id)
        self.claims = MemoryClaims(lambda: round(clock.at().timestamp() * 1000))
        self.ownership = Ownership()
        self.observed = Observed()
        options = StreamOptions(kafka=kafka, flow=FlowOptions(idempotency_days=days))
        self.ledger = KafkaLedger(options, self.topics, self.claims, self.ownership, clock, self.observed)
        self.parked = ParkedNotes()
        self.ledger.tell(self.parked)
        self._generation = 0

    def own(self, *partitions: int) -> None:
        self._generation += 1
        self.ownership.assigned(Membership(self._generation, "m-1", None), partitions)

    async def take_over(self, *partitions: int) -> float:
        """Own these and read what was answered on them; returns how long it took."""
        self.own(*partitions)
        began = time.monotonic()
        await self.ledger.rebuild(partitions)
        return time.monotonic() - began

    async def knows(self, *request_ids: str, partition: int = 0) -> list[bool]:
        claims = [Claim("acme", request_id, SHA, partition) for request_id in request_ids]
        return [verdict == Duplicate() for verdict in await self.claims.claim(claims)]


async def publish(deployment: KafkaOptions, *emissions: Emission) -> None:
    """As an earlier owner did, who is gone."""
    async with AIOKafkaProducer(bootstrap_servers=deployment.bootstrap, enable_idempotence=True) as producer:
        await record_batches.send(producer, emissions)


@asynccontextmanager
async def predecessor(owner: Owner) -> AsyncIterator[FencedProducer]:
    """The producer of a worker that owned partition 0, as the offset that it committed says."""
    name = f"{owner.kafka.app_id}-dying"
    producer = FencedProducer(
        bootstrap_servers=owner.kafka.bootstrap, transactional_id=name, transaction_timeout_ms=10_000
    )
    await producer.start()
    async with GroupMember(owner.kafka) as member:
        await producer.begin_transaction()
        place = TopicPartition(owner.topics.requests, 0)
        await producer.commit_offsets({place: Committed(1, name)}, owner.kafka.app_id, member.membership)
        await producer.commit_transaction()
    yield producer
    await producer.stop()


async def left_open(producer: FencedProducer, emissions: Sequence[Emission]) -> None:
    """The broker has the records; whether they count is not decided."""
    await producer.begin_transaction()
    await record_batches.send(producer, emissions)
