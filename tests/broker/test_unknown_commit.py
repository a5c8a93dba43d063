"""A commit whose answer is lost: what happened is found out, and nothing is published twice."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from app import provision
from app.adapters.committed_read import is_committed
from app.adapters.fenced_producer import FencedProducer
from app.adapters.group_offsets import Committed
from app.brokers.broker import BrokerHandle
from streams.flow import Answered, DealtWith, Emission, Parcel
from streams.options import KafkaOptions
from streams.ports import Shelf
from tests.contract.outboxes import KafkaCase, committed_by

pytestmark = pytest.mark.broker
LOST = KafkaError("the answer was lost")


@pytest.fixture
async def deployment(kafka: BrokerHandle, topic_prefix: str) -> KafkaOptions:
    options = KafkaOptions(
        bootstrap=kafka.bootstrap,
        topic_prefix=topic_prefix,
        partitions=4,
        app_id=f"unknown-{uuid4().hex[:10]}",
        session_timeout_s=6.0,
    )
    await provision.create(options)
    return options


async def producer_of(deployment: KafkaOptions) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(bootstrap_servers=deployment.bootstrap, transactional_id=uuid4().hex)
    await producer.start()
    return producer


async def test_what_was_committed_aborted_and_is_still_open_is_told_apart(deployment: KafkaOptions) -> None:
    place = TopicPartition(f"{deployment.topic_prefix}responses", 0)
    producer = await producer_of(deployment)

    async def send() -> int:
        await producer.begin_transaction()
        sent = await producer.send_and_wait(place.topic, b"x", partition=place.partition)
        return int(sent.offset)

    try:
        committed = await send()
        await producer.commit_transaction()
        aborted = await send()
        await producer.abort_transaction()
        still_open = await send()
        waiting = asyncio.create_task(is_committed(deployment.bootstrap, place, still_open))

        assert await is_committed(deployment.bootstrap, place, committed)
        assert not waiting.done()
        await producer.commit_transaction()
        assert await waiting
        assert not await is_committed(deployment.bootstrap, place, aborted)
    finally:
        await producer.stop()


@pytest.mark.parametrize("happened", [True, False])
async def test_an_outcome_is_published_once_whatever_became_of_its_commit(
    deployment: KafkaOptions, happened: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = KafkaCase(deployment, "transactional")
    commit, losses = FencedProducer.commit_transaction, [LOST]

    async def lossy(producer: Any) -> None:
        if not losses:
            await commit(producer)
            return
        if happened:
            await commit(producer)
        raise losses.pop()

    monkeypatch.setattr(FencedProducer, "commit_transaction", lossy)
    try:
        await case.start()
        for partition in range(deployment.partitions):
            await case.claims.rebuilt(Shelf("responses", partition), 0)
        await case.own(0, 1)
        sent = [outcome(case, 0), outcome(case, 1), waiting(case, 1), Parcel(0, (), commands=DealtWith(5))]

        told = await asyncio.wait_for(asyncio.gather(*(case.outbox.publish(one) for one in sent)), 30)

        assert not losses
        (stands_at,) = await case.offsets(case.topics.parked, 1)
        assert told == [None, None, stands_at, None]
        assert await case.dealt_with(0) == DealtWith(5)
        found = await case.read(case.topics.responses)
        assert sorted(emission.value or b"" for emission in found) == [b"0", b"1"]
    finally:
        await case.stop()


async def test_a_command_that_came_to_nothing_is_settled_whatever_became_of_its_commit(
    deployment: KafkaOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = KafkaCase(deployment, "transactional")
    commit, losses = FencedProducer.commit_transaction, [LOST]

    async def lossy(producer: Any) -> None:
        await commit(producer)
        if losses:
            raise losses.pop()

    monkeypatch.setattr(FencedProducer, "commit_transaction", lossy)
    try:
        await case.start()
        await case.own(0)

        await asyncio.wait_for(case.outbox.publish(Parcel(0, (), commands=DealtWith(5))), 30)

        assert not losses
        assert await case.dealt_with(0) == DealtWith(5)
    finally:
        await case.stop()


async def test_a_partition_that_was_not_read_yet_keeps_its_place_when_something_is_published_for_it(
    deployment: KafkaOptions,
) -> None:
    case = KafkaCase(deployment, "transactional")
    place = TopicPartition(case.topics.requests, 1)
    try:
        await case.start()
        await case.own(0, 1)
        case.positions[1] = 3
        await case.outbox.publish(waiting(case, 1))
        del case.positions[1]  # a new owner, who has read nothing of it

        await asyncio.wait_for(case.outbox.publish(waiting(case, 1)), 10)

        assert await committed_by(case.kafka, [place]) == {place: Committed(3, case.name or "")}
        assert len(await case.offsets(case.topics.parked, 1)) == 2
    finally:
        await case.stop()


def waiting(case: KafkaCase, partition: int) -> Parcel:
    return Parcel(partition, (Emission(case.topics.parked, partition, b"1:t:r", b"{}", []),))


def outcome(case: KafkaCase, partition: int) -> Parcel:
    key, value = b"tenant-%d" % partition, b"%d" % partition
    response = Emission(case.topics.responses, partition, key, value, [])
    return Parcel(partition, (response,), Answered(key.decode(), f"r-{partition}", "a" * 64))
