"""The control topic is followed on the partitions that are ours: what was not dealt with, then what comes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import TopicPartition

from app import provision
from app.adapters import command_notes
from app.adapters.clock import SystemClock
from app.adapters.fenced_producer import FencedProducer
from app.adapters.group_offsets import Committed
from app.adapters.kafka_control import KafkaControl
from app.brokers.embedded import EmbeddedBroker, EmbeddedOptions
from app.brokers.kafka import KafkaBroker
from streams.flow import DealtWith, Record
from streams.lifeline import Lifeline
from streams.options import KafkaOptions
from streams.topics import TopicNames, topic_names
from tests.broker.group_member import GroupMember

SOON_S = 5.0


@dataclass
class Heard:
    """Notes what it is told, in order; `None` stands for having caught up."""

    told: list[tuple[int, bytes | None, bool]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    def take(self, partition: int, offset: int, record: Record, effective: bool) -> None:
        assert (record.partition, record.offset) == (partition, offset)
        self.records.append(record)
        self.told.append((partition, record.value, effective))

    def caught_up(self, partition: int) -> None:
        self.told.append((partition, None, True))

    def of(self, partition: int) -> list[bytes | None]:
        return [value for told_of, value, _ in self.told if told_of == partition]

    async def until(self, condition: Callable[[], bool], within_s: float = SOON_S) -> None:
        async with asyncio.timeout(within_s):
            while not condition():
                await asyncio.sleep(0.005)

    async def all_of(self, *partitions: int) -> None:
        """Until these have caught up."""
        await self.until(lambda: all(None in self.of(partition) for partition in partitions))


@pytest.fixture
async def kafka_options(deployment: KafkaOptions) -> KafkaOptions:
    await provision.create(deployment)
    return deployment


@asynccontextmanager
async def following(kafka: KafkaOptions) -> AsyncIterator[tuple[KafkaControl, Heard]]:
    heard, lifeline = Heard(), Lifeline()
    topic = topic_names(kafka.topic_prefix, kafka.app_id).control
    control = KafkaControl(kafka, topic, SystemClock(), heard, lifeline)
    await control.start()
    try:
        yield control, heard
    finally:
        await control.stop()


@pytest.fixture
async def control(kafka_options: KafkaOptions) -> AsyncIterator[KafkaControl]:
    async with following(kafka_options) as (made, heard):
        made.heard = heard  # type: ignore[attr-defined]  # for the fixture below
        yield made


@pytest.fixture
def heard(control: KafkaControl) -> Heard:
    found: Heard = control.heard  # type: ignore[attr-defined]  # from the fixture above
    return found


async def command(kafka: KafkaOptions, *values: bytes, partition: int = 0, hours_ago: float = 0) -> None:
    topic = topic_names(kafka.topic_prefix, kafka.app_id).control
    at = SystemClock.at() - timedelta(hours=hours_ago)
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        for value in values:
            await producer.send_and_wait(
                topic, value, b"acme", partition, round(at.timestamp() * 1000), [("h", b"x")]
            )


@asynccontextmanager
async def dealing(kafka: KafkaOptions, position: int, note: str = "") -> AsyncIterator[FencedProducer]:
    """An owner who has dealt with the commands of partition 0, as its open transaction says."""
    topics = topic_names(kafka.topic_prefix, kafka.app_id)
    producer = FencedProducer(bootstrap_servers=kafka.bootstrap, transactional_id=uuid4().hex)
    await producer.start()
    try:
        async with GroupMember(kafka) as member:
            await producer.begin_transaction()
            place = TopicPartition(topics.control, 0)
            await producer.commit_offsets({place: Committed(position, note)}, kafka.app_id, member.membership)
        yield producer
    finally:
        await producer.stop()


async def dealt_with(kafka: KafkaOptions, position: int, note: str = "") -> None:
    async with dealing(kafka, position, note) as producer:
        await producer.commit_transaction()


async def test_a_new_owner_is_told_everything_and_then_what_comes(
    kafka_options: KafkaOptions, control: KafkaControl, heard: Heard
) -> None:
    await command(kafka_options, b"old", hours_ago=100)
    await command(kafka_options, b"\xffrubbish", b"young")
    await command(kafka_options, b"elsewhere", partition=1)
    control.assigned([0], gained=[0])
    await heard.all_of(0)

    await command(kafka_options, b"new")
    await heard.until(lambda: b"new" in heard.of(0))

    assert heard.of(0) == [b"old", b"\xffrubbish", b"young", None, b"new"]
    assert all(effective for _, _, effective in heard.told)
    assert heard.of(1) == []
    assert (heard.records[0].key, heard.records[0].headers) == (b"acme", (("h", b"x"),))


async def test_what_was_dealt_with_is_told_for_a_day_without_effect(
    kafka_options: KafkaOptions, control: KafkaControl, heard: Heard
) -> None:
    await command(kafka_options, b"forgotten", hours_ago=30)
    await command(kafka_options, b"remembered", hours_ago=20)
    await command(kafka_options, b"not dealt with")
    await dealt_with(kafka_options, 2)

    control.assigned([0], gained=[0])
    await heard.all_of(0)

    assert heard.told == [(0, b"remembered", False), (0, b"not dealt with", True), (0, None, True)]


async def test_what_was_dealt_with_before_an_earlier_one_is_not_told_as_open(
    kafka_options: KafkaOptions, control: KafkaControl, heard: Heard
) -> None:
    await command(kafka_options, b"done", b"takes its time", b"done before", b"open", b"done, too")
    note = command_notes.written(DealtWith(1, (2, 4)))
    await dealt_with(kafka_options, 1, note)

    control.assigned([0], gained=[0])
    await heard.all_of(0)

    told = {value: effective for _, value, effective in heard.told if value is not None}
    assert told == {
        b"done": False,  # a cancel among them holds for a day
        b"takes its time": True,
        b"done before": False,
        b"open": True,
        b"done, too": False,
    }


async def test_what_was_not_dealt_with_is_told_however_old_it_is(
    kafka_options: KafkaOptions, control: KafkaControl, heard: Heard
) -> None:
    await command(kafka_options, b"done", b"waiting", hours_ago=30)
    await dealt_with(kafka_options, 1)

    control.assigned([0], gained=[0])
    await heard.all_of(0)

    assert heard.told == [(0, b"waiting", True), (0, None, True)]


async def test_an_owner_who_is_just_done_with_a_command_is_waited_for_and_holds_up_nobody_else(
    kafka_options: KafkaOptions, control: KafkaControl, heard: Heard
) -> None:
    await command(kafka_options, b"just done")
    await command(kafka_options, b"other", partition=1)
    async with dealing(kafka_options, 1) as producer:
        control.assigned([0, 1], gained=[0, 1])
        await heard.all_of(1)
        await asyncio.sleep(0.3)
        assert heard.of(0) == []

        await producer.commit_transaction()
        await heard.all_of(0)

    assert heard.told == [(1, b"other", True), (1, None, True), (0, b"just done", False), (0, None, True)]


async def test_a_position_of_a_topic_that_is_gone_counts_for_nothing(
    kafka_options: KafkaOptions, control: KafkaControl, heard: Heard
) -> None:
    await command(kafka_options, b"first")
    await dealt_with(kafka_options, 1000)

    control.assigned([0], gained=[0])
    await heard.all_of(0)

    assert heard.told == [(0, b"first", True), (0, None, True)]


async def test_a_command_is_told_within_a_tenth_of_a_second(
    kafka_options: KafkaOptions, topics: TopicNames, control: KafkaControl, heard: Heard
) -> None:
    control.assigned([0, 1, 2], gained=[0, 1, 2])
    await heard.all_of(0, 1, 2)
    took_s = []

    async with AIOKafkaProducer(bootstrap_servers=kafka_options.bootstrap) as producer:
        for number in range(20):
            await asyncio.sleep(0.03)
            began = time.monotonic()
            await producer.send_and_wait(topics.control, b"%d" % number, b"acme", 1)
            await heard.until(lambda number=number: b"%d" % number in heard.of(1))  # type: ignore[misc]  # a default
            took_s.append(time.monotonic() - began)

    assert sorted(took_s)[len(took_s) // 2] < 0.1


async def test_of_a_partition_that_is_lost_nothing_is_told_and_the_others_go_on_where_they_were(
    kafka_options: KafkaOptions, control: KafkaControl, heard: Heard
) -> None:
    await command(kafka_options, b"a")
    control.assigned([0, 1], gained=[0, 1])
    await heard.all_of(0, 1)

    control.assigned([0], gained=[])
    await command(kafka_options, b"lost", partition=1)
    await command(kafka_options, b"b")
    await heard.until(lambda: b"b" in heard.of(0))

    assert heard.of(0) == [b"a", None, b"b"]
    assert heard.of(1) == [None]

    control.assigned([], gained=[])
    await asyncio.sleep(0.2)
    await command(kafka_options, b"c")
    control.assigned([0, 1], gained=[0, 1])
    await heard.until(lambda: len(heard.told) >= 9)

    assert heard.of(0) == [b"a", None, b"b", b"a", b"b", b"c", None]
    assert heard.of(1) == [None, b"lost", None]


async def test_what_is_gained_again_begins_anew_even_if_it_was_never_let_go(
    kafka_options: KafkaOptions, control: KafkaControl, heard: Heard
) -> None:
    await command(kafka_options, b"a")
    control.assigned([0], gained=[0])
    await heard.all_of(0)

    control.assigned([0], gained=[0])
    await heard.until(lambda: heard.of(0).count(None) == 2)

    assert heard.of(0) == [b"a", None, b"a", None]


async def test_a_user_s_open_transaction_holds_up_nobody(
    kafka_options: KafkaOptions, topics: TopicNames, control: KafkaControl, heard: Heard
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka_options.bootstrap, transactional_id=uuid4().hex)
    await command(kafka_options, b"a")
    await producer.start()
    try:
        await producer.begin_transaction()
        await producer.send_and_wait(topics.control, b"undecided", b"acme", 0)
        control.assigned([0], gained=[0])
        await heard.all_of(0)
        assert heard.of(0) == [b"a", None]

        await producer.commit_transaction()
        await heard.until(lambda: b"undecided" in heard.of(0))
    finally:
        await producer.stop()


async def test_it_goes_on_where_it_was_when_kafka_is_back(own_kafka: KafkaBroker, topic_prefix: str) -> None:
    bootstrap = (await asyncio.to_thread(own_kafka.start)).bootstrap
    kafka = KafkaOptions(bootstrap, topic_prefix, 4, topic_prefix.rstrip("."))
    await provision.create(kafka)
    await command(kafka, b"a")
    async with following(kafka) as (control, heard):
        control.assigned([0], gained=[0])
        await heard.until(lambda: None in heard.of(0), 20)

        await asyncio.to_thread(own_kafka.stop)
        control.assigned([0, 1], gained=[1])  # is not held up
        await asyncio.sleep(1)
        await asyncio.to_thread(own_kafka.start)
        await command(kafka, b"b")
        await heard.until(lambda: b"b" in heard.of(0) and None in heard.of(1), 30)

        assert heard.of(0) == [b"a", None, b"b"]


async def test_the_embedded_broker_tells_what_is_dealt_with(tmp_path: Path, topic_prefix: str) -> None:
    broker = EmbeddedBroker(EmbeddedOptions(tmp_path))
    bootstrap = (await asyncio.to_thread(broker.start)).bootstrap
    try:
        kafka = KafkaOptions(bootstrap, topic_prefix, 4, topic_prefix.rstrip("."))
        await provision.create(kafka)
        await command(kafka, b"done", b"waiting")
        async with following(kafka) as (control, heard), dealing(kafka, 1) as producer:
            control.assigned([0, 1], gained=[0, 1])
            await heard.all_of(1)
            await asyncio.sleep(0.2)
            assert heard.of(0) == []

            await producer.commit_transaction()
            await heard.all_of(0)

            assert heard.told[-3:] == [(0, b"done", False), (0, b"waiting", True), (0, None, True)]
    finally:
        broker.stop()
