"""The brokers that Penstock starts do what their handles say: one suite for the embedded one and Kafka."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import MessageSizeTooLargeError, ProducerFenced, TopicAlreadyExistsError

from app.adapters.fenced_producer import FencedProducer, GroupFenced
from app.adapters.group_offsets import Committed
from app.brokers.broker import BrokerHandle
from app.brokers.embedded import EmbeddedBroker, EmbeddedOptions
from app.brokers.kafka import KafkaBroker
from streams.ownership import Membership
from tests.broker.kafka_clients import PARTITIONS, consume, create_topic, member, numbers, produce


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerHandle]:
    broker = EmbeddedBroker(EmbeddedOptions(tmp_path_factory.mktemp("embedded")))
    try:
        yield broker.start()
    finally:
        broker.stop()


@pytest.fixture(params=["embedded", "kafka"])
def bootstrap(request: pytest.FixtureRequest) -> str:
    handle: BrokerHandle = request.getfixturevalue(request.param)
    return handle.bootstrap


@pytest.fixture
async def topic(bootstrap: str, topic_prefix: str) -> str:
    name = f"{topic_prefix}numbers"
    await create_topic(bootstrap, name)
    return name


async def test_a_group_gets_what_an_idempotent_producer_wrote(bootstrap: str, topic: str) -> None:
    await produce(bootstrap, topic, 5000)

    values = await consume(bootstrap, topic, 5000, group=topic)

    assert sorted(values) == numbers(5000)


async def test_a_member_that_comes_back_goes_on_where_its_group_was(bootstrap: str, topic: str) -> None:
    await produce(bootstrap, topic, 20)
    await consume(bootstrap, topic, 20, group=topic)
    await produce(bootstrap, topic, 3)

    values = await consume(bootstrap, topic, 3, group=topic)

    assert sorted(values) == numbers(3)


async def test_two_members_share_the_partitions_until_one_leaves(bootstrap: str, topic: str) -> None:
    async with member(bootstrap, topic, topic) as stays:
        async with member(bootstrap, topic, topic) as leaves:
            await _polled_until(
                stays, leaves, lambda: len(stays.assignment()) == len(leaves.assignment()) == 6
            )
            assert not stays.assignment() & leaves.assignment()

        await _polled_until(stays, stays, lambda: len(stays.assignment()) == PARTITIONS)


async def _polled_until(one: AIOKafkaConsumer, other: AIOKafkaConsumer, reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not reached():
            await asyncio.gather(one.getmany(timeout_ms=100), other.getmany(timeout_ms=100))


async def test_a_static_member_that_was_killed_is_back_without_a_rebalance(
    bootstrap: str, topic: str
) -> None:
    await produce(bootstrap, topic, 5)
    first = member(bootstrap, topic, topic, group_instance_id="worker-1")
    await first.start()
    await first.getmany(timeout_ms=5000)
    generation = first._coordinator.generation

    # aiokafka sends no LeaveGroup for a static member, so stopping looks like a crash to the broker.
    await first.stop()
    async with member(bootstrap, topic, topic, group_instance_id="worker-1") as second:
        await second.getmany(timeout_ms=5000)

        assert second._coordinator.generation == generation
        assert len(second.assignment()) == PARTITIONS


async def test_readers_see_exact_ends_and_find_times(bootstrap: str, topic: str) -> None:
    place = TopicPartition(topic, 0)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=50) as producer:
        sent = [await producer.send(topic, b"x", partition=0, timestamp_ms=1000 + n) for n in range(10)]
        for delivery in sent:
            await delivery

    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False) as reader:
        reader.assign([place])
        ends = await reader.end_offsets([place])
        found = await reader.offsets_for_times({place: 1004})
        later = await reader.offsets_for_times({place: 9000})
        reader.seek(place, 7)
        record = await asyncio.wait_for(reader.getone(), 10)

    assert (ends, found[place].offset, later, record.offset) == ({place: 10}, 4, {place: None}, 7)


async def test_what_an_aborted_transaction_wrote_is_never_seen(bootstrap: str, topic: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=topic)

    async with producer:
        async with producer.transaction():
            await producer.send_and_wait(topic, b"kept", key=b"a")
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"dropped", key=b"a")
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait(topic, b"kept too", key=b"a")

    assert await consume(bootstrap, topic, 3, group=topic) == [b"kept", b"kept too"]


async def test_an_open_transaction_hides_what_others_wrote_after_it(bootstrap: str, topic: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=topic)
    async with producer, AIOKafkaProducer(bootstrap_servers=bootstrap) as other:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"first", key=b"a")
        await other.send_and_wait(topic, b"second", key=b"a")
        async with member(bootstrap, topic, topic) as reader:
            hidden = await reader.getmany(timeout_ms=1000)
            await producer.commit_transaction()
            seen = await reader.getmany(timeout_ms=10_000)

    assert not hidden
    assert [record.value for records in seen.values() for record in records] == [b"first", b"second"]


async def test_a_successor_fences_a_transactional_producer(bootstrap: str, topic: str) -> None:
    old = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=topic)
    new = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=topic)
    await old.start()
    await old.begin_transaction()
    await old.send_and_wait(topic, b"from the old owner", key=b"a")

    async with new:
        with pytest.raises(ProducerFenced):
            await old.commit_transaction()

    await old.stop()
    async with member(bootstrap, topic, topic) as reader:
        assert not await reader.getmany(timeout_ms=1500)


async def test_a_transaction_that_takes_too_long_is_aborted(bootstrap: str, topic: str) -> None:
    slow = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=topic, transaction_timeout_ms=1000)
    await slow.start()
    await slow.begin_transaction()
    await slow.send_and_wait(topic, b"never", key=b"a")

    async with (
        AIOKafkaProducer(bootstrap_servers=bootstrap) as other,
        member(bootstrap, topic, topic) as reader,
    ):
        await other.send_and_wait(topic, b"after it", key=b"a")
        record = await asyncio.wait_for(reader.getone(), 20)

    assert record.value == b"after it"
    with pytest.raises(ProducerFenced):
        await slow.commit_transaction()
    await slow.stop()


async def test_offsets_count_once_their_transaction_commits(bootstrap: str, topic: str) -> None:
    await produce(bootstrap, topic, 5)
    place = TopicPartition(topic, 0)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=topic) as producer:
        await producer.begin_transaction()
        await producer.send_offsets_to_transaction({place: 3}, topic)
        async with member(bootstrap, topic, topic) as reader:
            before = await reader.committed(place)
        await producer.commit_transaction()
        async with member(bootstrap, topic, topic) as reader:
            after = await reader.committed(place)

    assert (before, after) == (None, 3)


async def test_a_commit_of_a_generation_that_is_gone_is_refused(bootstrap: str, topic: str) -> None:
    async with member(bootstrap, topic, topic) as reader:
        await reader.getmany(timeout_ms=500)
        coordinator = reader._coordinator
        stale = Membership(coordinator.generation - 1, coordinator.member_id, None)
        async with FencedProducer(bootstrap_servers=bootstrap, transactional_id=topic) as producer:
            with pytest.raises(GroupFenced):
                async with producer.transaction():
                    await producer.commit_offsets({TopicPartition(topic, 0): Committed(1)}, topic, stale)


async def test_topics_keep_what_was_set_and_refuse_what_is_too_large(
    bootstrap: str, topic_prefix: str
) -> None:
    topic = f"{topic_prefix}plans"
    await create_topic(bootstrap, topic, {"cleanup.policy": "compact", "max.message.bytes": "2000"})
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()

    described = await admin.describe_topics([topic])
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    await admin.close()

    settings = {entry[0]: entry[1] for entry in answers[0].resources[0][4]}
    assert len(described[0]["partitions"]) == PARTITIONS
    assert (settings["cleanup.policy"], settings["max.message.bytes"]) == ("compact", "2000")
    with pytest.raises(TopicAlreadyExistsError):
        await create_topic(bootstrap, topic)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        with pytest.raises(MessageSizeTooLargeError):
            await producer.send_and_wait(topic, b"x" * 3000, key=b"a")


async def test_kafka_killed_and_restarted_keeps_records_and_offsets(own_kafka: KafkaBroker) -> None:
    before = own_kafka.start()
    await create_topic(before.bootstrap, "numbers")
    await produce(before.bootstrap, "numbers", 20)
    await consume(before.bootstrap, "numbers", 20, group="readers")

    own_kafka.kill()
    after = own_kafka.restart()
    await produce(after.bootstrap, "numbers", 3)

    assert (after.bootstrap, after.keeps_data) == (before.bootstrap, True)
    assert after.pids != before.pids
    everything = sorted(numbers(20) + numbers(3))
    assert sorted(await consume(after.bootstrap, "numbers", 23, group="fresh")) == everything
    assert sorted(await consume(after.bootstrap, "numbers", 3, group="readers")) == numbers(3)


async def test_the_embedded_broker_comes_back_empty_as_its_handle_says(tmp_path: Path) -> None:
    broker = EmbeddedBroker(EmbeddedOptions(tmp_path))
    before = broker.start()
    await create_topic(before.bootstrap, "numbers")

    broker.kill()
    after = broker.restart()
    await create_topic(after.bootstrap, "numbers")
    broker.stop()

    assert (after.bootstrap, after.keeps_data) == (before.bootstrap, False)


def test_kafka_stopped_leaves_no_process(own_kafka: KafkaBroker) -> None:
    handle = own_kafka.start()
    ours = {child.pid for child in psutil.Process().children(recursive=True)}
    assert set(handle.pids) <= ours

    own_kafka.stop()

    assert not any(psutil.pid_exists(pid) for pid in handle.pids)
