"""Parked requests are told to whoever owns their partition next, and read again when they are due."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from app import provision, startup
from app.adapters.fenced_producer import FencedProducer
from app.adapters.kafka_parked import KafkaParked
from app.brokers.kafka import KafkaBroker
from app.startup import CannotStart
from streams.flow import Emission, Record
from streams.observations import Fault
from streams.options import KafkaOptions
from streams.parked import Parked, ParkedPlace, ParkReason, encode_parked, parked_key
from streams.topics import TopicNames
from tests.broker.next_owner import Owner, left_open, publish
from tests.broker.outcomes import response
from tests.broker.topic_reader import ends_of
from tests.doubles.memory_claims import ClaimMemory

SOON_S = 3.0
COMPACTED_S = 60.0  # the broker looks for something to clean every 15 s


def parked(topics: TopicNames, request_id: str, value: bytes | None = b"{}", partition: int = 0) -> Emission:
    return Emission(topics.parked, partition, parked_key("acme", request_id), value, [])


async def test_a_worker_does_not_start_where_the_topic_is_missing_as_after_an_upgrade(
    owner: Owner, deployment: KafkaOptions, topics: TopicNames
) -> None:
    await startup.check_kafka(deployment)
    admin = await provision.connect(deployment.bootstrap)
    await admin.delete_topics([topics.parked])
    async with asyncio.timeout(SOON_S):
        while topics.parked in await admin.list_topics():
            await asyncio.sleep(0.05)
    await admin.close()

    with pytest.raises(CannotStart) as refused:
        await startup.check_kafka(deployment)
    assert str(refused.value) == f"topic {topics.parked} is missing: run `penstock topics create`"

    assert await provision.create(deployment) == [topics.parked]
    await startup.check_kafka(deployment)


async def test_all_that_is_parked_is_told_before_a_partition_opens(
    owner: Owner, deployment: KafkaOptions, topics: TopicNames
) -> None:
    waiting = [parked(topics, f"r-{number}", b"%d" % number) for number in range(600)]
    await publish(deployment, *waiting, parked(topics, "r-0", None), parked(topics, "other", partition=1))
    open_when_told = []
    take = owner.parked.take

    def noting(partition: int, *rest: Any) -> None:
        open_when_told.append(owner.ownership.is_open(partition))
        take(partition, *rest)

    owner.parked.take = noting  # type: ignore[method-assign, assignment]  # the test looks over its shoulder
    await owner.take_over(0)

    told = [(number, parked_key("acme", f"r-{number}"), b"%d" % number) for number in range(600)]
    assert owner.parked.taken == {0: [*told, (600, parked_key("acme", "r-0"), None)]}
    assert open_when_told == [False] * 601
    assert owner.ownership.is_open(0)


async def test_what_is_parked_is_told_to_each_new_owner_but_not_again_when_the_store_was_emptied(
    owner: Owner, deployment: KafkaOptions, topics: TopicNames
) -> None:
    await publish(deployment, parked(topics, "r-1"), response(topics, 0, "r-0"))
    await owner.take_over(0)
    owner.claims.memory.become(ClaimMemory())
    owner.parked.begun.clear()

    await owner.ledger.rebuild([0])
    assert owner.parked.begun == []

    owner.own()
    await owner.take_over(0, 1)
    assert set(owner.parked.begun) == {0, 1}
    assert [len(owner.parked.taken[partition]) for partition in (0, 1)] == [1, 0]


async def test_what_was_parked_in_an_aborted_transaction_is_not_told(
    owner: Owner, dying: FencedProducer, topics: TopicNames
) -> None:
    await left_open(dying, [parked(topics, "r-1")])
    await dying.abort_transaction()

    await owner.take_over(0)

    assert owner.parked.taken == {0: []}


async def test_a_request_that_is_just_being_parked_is_waited_for(
    owner: Owner, dying: FencedProducer, topics: TopicNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.adapters.kafka_ledger.PATIENCE_S", 60)
    await left_open(dying, [parked(topics, "r-1")])
    taking_over = asyncio.ensure_future(owner.take_over(0))
    await asyncio.sleep(0.3)
    assert not owner.ownership.is_open(0)

    await dying.commit_transaction()
    await taking_over

    assert [key for _, key, _ in owner.parked.taken[0]] == [parked_key("acme", "r-1")]


async def test_a_dead_worker_s_half_parked_request_holds_up_nobody_for_long(
    owner: Owner, dying: FencedProducer, topics: TopicNames
) -> None:
    await left_open(dying, [parked(topics, "never decided")])

    took_s = await owner.take_over(0)

    assert took_s < SOON_S
    assert owner.parked.taken == {0: []}


async def test_what_the_new_owner_parks_itself_is_not_told_while_another_partition_is_held_up(
    owner: Owner, deployment: KafkaOptions, dying: FencedProducer, topics: TopicNames
) -> None:
    await left_open(dying, [response(topics, 0, "never decided")])
    owner.own(0, 1)
    taking_over = asyncio.ensure_future(owner.ledger.rebuild([0, 1]))
    async with asyncio.timeout(SOON_S):
        assert await owner.ownership.opened(1)

    await publish(deployment, parked(topics, "mine", partition=1))
    await asyncio.sleep(0.3)
    assert not taking_over.done()
    await taking_over

    assert owner.parked.taken == {0: [], 1: []}


@pytest.fixture
async def bodies(owner: Owner) -> AsyncIterator[KafkaParked]:
    reader = KafkaParked(owner.kafka, owner.topics.parked, owner.observed)
    await reader.start()
    yield reader
    await reader.stop()


def body(number: int) -> Parked:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    record = Record("agent.requests", 0, number, 0, b"acme", b'{"n":%d}' % number, (("h", b"\xff"),))
    return Parked("acme", f"r-{number}", "a" * 64, ParkReason.WINDOW, record, at, at)


async def park(owner: Owner, *numbers: int, partition: int = 0) -> list[ParkedPlace]:
    """Park these; returns where they stand."""
    (end,) = [
        end
        for place, end in (await ends_of(owner.kafka.bootstrap, owner.topics.parked)).items()
        if place.partition == partition
    ]
    records = [
        parked(owner.topics, f"r-{number}", encode_parked(body(number)), partition) for number in numbers
    ]
    await publish(owner.kafka, *records)
    return [ParkedPlace(partition, end + nth) for nth in range(len(numbers))]


async def test_a_parked_request_is_read_again_from_its_place(owner: Owner, bodies: KafkaParked) -> None:
    places = await park(owner, *range(3000)) + await park(owner, 5000, partition=2)

    asked = [2999, 0, 3000, 1, 2, 1500, 1, 100]
    read = await bodies.fetch([places[number] for number in asked])

    assert read == [body(5000 if number == 3000 else number) for number in asked]
    assert await bodies.fetch([]) == []


async def test_one_that_was_parked_in_a_transaction_is_read_beyond_those_that_were_aborted(
    owner: Owner, bodies: KafkaParked, dying: FencedProducer
) -> None:
    for number in (1, 2):
        await left_open(dying, [parked(owner.topics, f"r-{number}", encode_parked(body(number)))])
        await (dying.abort_transaction if number == 1 else dying.commit_transaction)()

    assert await bodies.fetch([ParkedPlace(0, 2), ParkedPlace(0, 1)]) == [body(2), None]


async def test_one_that_is_done_is_gone(owner: Owner, bodies: KafkaParked) -> None:
    (place,) = await park(owner, 1)
    await publish(owner.kafka, parked(owner.topics, "r-1", None))

    assert await bodies.fetch([ParkedPlace(0, place.offset + 1), place]) == [None, body(1)]


async def test_one_that_compaction_removed_is_gone(owner: Owner, bodies: KafkaParked) -> None:
    await make_compact_soon(owner)
    await park(owner, *([1, 2] * 50))
    places = await park(owner, *([3] * 50))

    async with asyncio.timeout(COMPACTED_S):
        while (await bodies.fetch([ParkedPlace(0, 0)])) != [None]:
            places = await park(owner, 3)  # what was written last is never compacted
            await asyncio.sleep(0.5)

    assert await bodies.fetch([ParkedPlace(0, 0), ParkedPlace(0, 40), places[-1]]) == [None, None, body(3)]
    await owner.take_over(0)
    assert {key for _, key, _ in owner.parked.taken[0]} == {parked_key("acme", f"r-{n}") for n in (1, 2, 3)}


async def test_one_that_cannot_be_read_is_reported_and_hurts_no_other(
    owner: Owner, bodies: KafkaParked
) -> None:
    await publish(owner.kafka, parked(owner.topics, "r-0", b"rubbish"))
    (place,) = await park(owner, 1)

    assert await bodies.fetch([ParkedPlace(0, 0), place]) == [None, body(1)]
    assert [fault.stage for fault in owner.observed.of(Fault)] == ["parked"]


async def test_a_place_beyond_the_log_is_gone(owner: Owner, bodies: KafkaParked) -> None:
    assert await bodies.fetch([ParkedPlace(0, 1000)]) == [None]


async def test_kafka_is_waited_for(own_kafka: KafkaBroker, topic_prefix: str) -> None:
    bootstrap = own_kafka.start().bootstrap
    owner = Owner(KafkaOptions(bootstrap, topic_prefix, 4, topic_prefix.rstrip(".")))
    await provision.create(owner.kafka)
    (place,) = await park(owner, 1)
    reader = KafkaParked(owner.kafka, owner.topics.parked, owner.observed)
    await reader.start()
    own_kafka.stop()

    reading = asyncio.ensure_future(reader.fetch([place]))
    done, _ = await asyncio.wait({reading}, timeout=1)
    assert not done
    own_kafka.start()

    async with asyncio.timeout(30):
        assert await reading == [body(1)]
    await reader.stop()


async def make_compact_soon(owner: Owner) -> None:
    """Segments of a second, cleaned as soon as there is anything to clean."""
    admin = await provision.connect(owner.kafka.bootstrap)
    settings = {"segment.ms": "1000", "min.cleanable.dirty.ratio": "0.001"}
    settings |= {"cleanup.policy": "compact"}  # all others go back to what the broker has
    resource = ConfigResource(ConfigResourceType.TOPIC, owner.topics.parked, settings)
    await admin.alter_configs([resource])
    await admin.close()
