"""The lag that a worker reports, asked of a real Kafka."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from app import provision
from app.adapters.kafka_lag import KafkaLag
from app.brokers.broker import BrokerHandle
from streams.options import KafkaOptions
from streams.ownership import Membership, Ownership

MEMBER = Membership(1, "m", None)


@dataclass
class Scene:
    """A worker that owns partition 0, as far as its lag is concerned."""

    kafka: KafkaOptions
    ownership: Ownership = field(default_factory=Ownership)
    position: int | None = None
    lag: KafkaLag = field(init=False)

    def __post_init__(self) -> None:
        self.lag = KafkaLag(self.kafka, self.topic, self.ownership, lambda _: self.position, every_s=0.2)

    @property
    def topic(self) -> str:
        return f"{self.kafka.topic_prefix}requests"

    async def write(self, count: int, transactional: bool = False, commit: bool = True) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.kafka.bootstrap,
            **({"transactional_id": f"{self.topic}-producer"} if transactional else {}),
        )
        await producer.start()
        try:
            if transactional:
                await producer.begin_transaction()
            for _ in range(count):
                await producer.send_and_wait(self.topic, b"x", partition=0)
            if transactional:
                await (producer.commit_transaction() if commit else producer.abort_transaction())
        finally:
            await producer.stop()

    async def commit(self, offset: int) -> None:
        """What an earlier owner committed for the group."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap, group_id=self.kafka.app_id, enable_auto_commit=False
        )
        await consumer.start()
        try:
            place = TopicPartition(self.topic, 0)
            consumer.assign([place])
            await consumer.commit({place: OffsetAndMetadata(offset, "")})
        finally:
            await consumer.stop()

    async def until(self, lags: dict[int, int], within_s: float = 15) -> None:
        """Wait until these are the lags."""
        try:
            async with asyncio.timeout(within_s):
                while self.lag.lags() != lags:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"the lags are {self.lag.lags()}, not {lags}") from None


@pytest.fixture
async def scene(kafka: BrokerHandle, topic_prefix: str) -> AsyncIterator[Scene]:
    options = KafkaOptions(kafka.bootstrap, topic_prefix, partitions=2, app_id=topic_prefix.rstrip("."))
    await provision.create(options)
    made = Scene(options)
    made.ownership.assigned(MEMBER, [0])
    await made.lag.start()
    yield made
    await made.lag.stop()


async def test_it_is_the_distance_from_the_first_unreleased_offset_to_the_end(scene: Scene) -> None:
    await scene.write(10)
    scene.position = 4
    await scene.until({0: 6})
    scene.position = 10

    await scene.until({0: 0})


async def test_before_anything_is_read_it_begins_at_what_the_group_committed(scene: Scene) -> None:
    await scene.commit(7)
    await scene.write(10)

    await scene.until({0: 3})


async def test_a_group_that_never_committed_is_behind_by_everything(scene: Scene) -> None:
    await scene.write(5)

    await scene.until({0: 5})


@pytest.mark.parametrize(("commit", "left"), [(True, 2), (False, 0)], ids=["committed", "aborted"])
async def test_markers_and_aborted_records_are_no_lag(scene: Scene, commit: bool, left: int) -> None:
    scene.position = 0
    await scene.write(2, transactional=True, commit=commit)
    await scene.until({0: 3 if commit else 0})  # with its marker, which counts until nothing else is left
    scene.position = left

    await scene.until({0: 0})
    await scene.write(1)
    await scene.until({0: 2 if commit else 4})


async def test_partitions_that_went_away_are_no_longer_told(scene: Scene) -> None:
    scene.position = 0
    await scene.write(1)
    await scene.until({0: 1})
    scene.ownership.assigned(MEMBER, [])

    await scene.until({})


async def test_what_is_not_known_any_more_is_not_told(scene: Scene, kafka: BrokerHandle) -> None:
    """A lag from a Kafka that stopped answering would be a comfortable lie."""
    scene.position = 0
    await scene.write(1)
    await scene.until({0: 1})
    await scene.lag.stop()
    gone = Scene(
        KafkaOptions("127.0.0.1:9", scene.kafka.topic_prefix, 2, scene.kafka.app_id), scene.ownership, 0
    )
    gone.lag._ends = {0: 1}
    before = gone.lag.lags()
    await gone.lag.start()
    try:
        await gone.until({})
    finally:
        await gone.lag.stop()

    assert before == {0: 1}
    assert not gone.lag.answers()
