"""A worker that the group has moved past cannot finish a transaction, whatever it still believes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerFenced
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from app import provision
from app.adapters import record_batches
from app.adapters.fenced_producer import FencedProducer, GroupFenced
from app.adapters.group_offsets import Committed
from app.adapters.kafka_outbox import KafkaOutbox
from streams.options import KafkaOptions
from streams.ownership import Membership
from streams.topics import TopicNames, topic_names
from tests.broker.group_member import GroupMember
from tests.broker.outcomes import ids, parcel, response
from tests.broker.topic_reader import read_all
from tests.contract.outboxes import KafkaCase


@pytest.fixture
async def topics(deployment: KafkaOptions) -> TopicNames:
    await provision.create(deployment)
    return topic_names(deployment.topic_prefix, deployment.app_id)


@pytest.fixture
async def member(deployment: KafkaOptions, topics: TopicNames) -> AsyncIterator[GroupMember]:
    async with GroupMember(deployment) as joined:
        yield joined


@asynccontextmanager
async def producing(deployment: KafkaOptions, name: str | None = None) -> AsyncIterator[FencedProducer]:
    producer = FencedProducer(
        bootstrap_servers=deployment.bootstrap,
        transactional_id=name or f"{deployment.app_id}-{uuid4().hex}",
        transaction_timeout_ms=10_000,
        acks="all",
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def pending(producer: FencedProducer, topics: TopicNames, request_id: str) -> None:
    """A transaction with a response in it that the broker has."""
    await producer.begin_transaction()
    await record_batches.send(producer, [response(topics, 0, request_id)])


async def prove(
    producer: FencedProducer, deployment: KafkaOptions, topics: TopicNames, who: Membership, offset: int = 7
) -> None:
    place = TopicPartition(topics.requests, 0)
    await producer.commit_offsets({place: Committed(offset, "its name")}, deployment.app_id, who)


async def answered(deployment: KafkaOptions, topics: TopicNames) -> list[str]:
    return ids(await read_all(deployment.bootstrap, topics.responses))


async def test_a_member_of_the_present_generation_commits(
    deployment: KafkaOptions, topics: TopicNames, member: GroupMember
) -> None:
    async with producing(deployment) as producer:
        await pending(producer, topics, "r-1")
        await prove(producer, deployment, topics, member.membership)
        await producer.commit_transaction()

    assert await answered(deployment, topics) == ["r-1"]
    place = TopicPartition(topics.requests, 0)
    assert await member._consumer.committed(place) == 7


async def test_a_generation_that_has_passed_is_refused(
    deployment: KafkaOptions, topics: TopicNames, member: GroupMember
) -> None:
    before = member.membership
    async with producing(deployment) as producer, GroupMember(deployment):
        await member.settled(beyond=before.generation)
        await pending(producer, topics, "zombie")

        with pytest.raises(GroupFenced):
            await prove(producer, deployment, topics, before)
        await producer.abort_transaction()
        await pending(producer, topics, "present")
        await prove(producer, deployment, topics, member.membership)
        await producer.commit_transaction()

    assert await answered(deployment, topics) == ["present"]


async def test_a_member_that_left_is_refused(deployment: KafkaOptions, topics: TopicNames) -> None:
    async with GroupMember(deployment) as gone:
        membership = gone.membership
    async with producing(deployment) as producer:
        await pending(producer, topics, "zombie")

        with pytest.raises(GroupFenced):
            await prove(producer, deployment, topics, membership)
        await producer.abort_transaction()

    assert await answered(deployment, topics) == []


async def test_a_static_member_whose_name_another_took_is_refused(
    deployment: KafkaOptions, topics: TopicNames
) -> None:
    first = GroupMember(deployment, instance_id="worker-1")
    before = await first.join()
    first._consumer._coordinator._closing.set_result(None)  # as if frozen: it says nothing to the group
    second = GroupMember(deployment, instance_id="worker-1")
    after = await second.join()
    async with producing(deployment) as producer:
        await pending(producer, topics, "zombie")
        with pytest.raises(GroupFenced):
            await prove(producer, deployment, topics, before)
        await producer.abort_transaction()

        await pending(producer, topics, "present")
        await prove(producer, deployment, topics, after)
        await producer.commit_transaction()

    assert await answered(deployment, topics) == ["present"]
    await second.leave()
    await first.leave()


@pytest.mark.parametrize(
    "who", [Membership(-1, "", None), Membership(3, "", None), Membership(-1, "m", None)]
)
async def test_nobody_is_no_member(
    deployment: KafkaOptions, topics: TopicNames, member: GroupMember, who: Membership
) -> None:
    async with producing(deployment) as producer:
        await pending(producer, topics, "zombie")

        with pytest.raises(GroupFenced):
            await prove(producer, deployment, topics, who)
        await producer.abort_transaction()

    assert await answered(deployment, topics) == []


async def test_the_broker_itself_takes_a_commit_that_names_nobody(
    deployment: KafkaOptions, topics: TopicNames, member: GroupMember
) -> None:
    """Why it is refused on our side: as an old client's it would pass unchecked, as version 0 does."""
    offsets = {TopicPartition(topics.requests, 0): OffsetAndMetadata(7, "")}
    async with producing(deployment) as producer:
        await pending(producer, topics, "nobody")
        producer._sender.membership = Membership(-1, "", None)
        await producer.send_offsets_to_transaction(offsets, deployment.app_id)
        await producer.commit_transaction()
    async with AIOKafkaProducer(
        bootstrap_servers=deployment.bootstrap, transactional_id=f"{deployment.app_id}-old"
    ) as old:
        await old.begin_transaction()
        await record_batches.send(old, [response(topics, 0, "version 0")])
        await old.send_offsets_to_transaction(offsets, deployment.app_id)
        await old.commit_transaction()

    assert await answered(deployment, topics) == ["nobody", "version 0"]


async def test_whoever_takes_over_a_name_ends_its_predecessor_s_transaction(
    deployment: KafkaOptions, topics: TopicNames, member: GroupMember
) -> None:
    name = f"{deployment.app_id}-worker-1"
    async with producing(deployment, name) as old:
        await pending(old, topics, "zombie")
        await prove(old, deployment, topics, member.membership)

        async with producing(deployment, name) as new:
            with pytest.raises(KafkaError) as refused:
                await old.commit_transaction()
            await pending(new, topics, "present")
            await prove(new, deployment, topics, member.membership)
            await new.commit_transaction()

    assert isinstance(refused.value, ProducerFenced)
    assert await answered(deployment, topics) == ["present"]


# -- the outbox under it


@pytest.fixture
async def worker(deployment: KafkaOptions, topics: TopicNames) -> AsyncIterator[KafkaCase]:
    case = KafkaCase(deployment, "transactional")
    try:
        await case.start()
        await case.own(*range(deployment.partitions))
        yield case
    finally:
        await case.stop()


async def test_an_outcome_of_a_passed_generation_waits_for_the_next_assignment(worker: KafkaCase) -> None:
    before = worker.member.membership.generation
    async with GroupMember(worker.kafka):
        await worker.member.settled(beyond=before)
        publishing = asyncio.ensure_future(worker.outbox.publish(parcel(worker.topics, 0, "r-1")))
        done, _ = await asyncio.wait({publishing}, timeout=0.6)
        assert not done
        assert await worker.read(worker.topics.responses) == []

        await worker.own(0, 1)
        await publishing

    assert len(await worker.read(worker.topics.responses)) == 1
    assert worker.observed.occurrences


async def test_an_outcome_of_a_partition_that_went_is_never_published(worker: KafkaCase) -> None:
    before = worker.member.membership.generation
    async with GroupMember(worker.kafka):
        await worker.member.settled(beyond=before)
        publishing = asyncio.ensure_future(worker.outbox.publish(parcel(worker.topics, 0, "r-1")))
        await asyncio.wait({publishing}, timeout=0.3)

        await worker.own(1)
        publishing.cancel()  # as the pipeline does with what it lost
        await worker.outbox.publish(parcel(worker.topics, 1, "r-2"))

    assert ids(await worker.read(worker.topics.responses)) == ["r-2"]


async def test_an_outcome_under_way_when_its_worker_joins_again_within_a_generation_is_not_committed(
    worker: KafkaCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_over, again = KafkaOutbox._hand_over, [(0, 1)]

    async def and_joins_again(outbox: Any, *args: Any) -> Any:
        sent = await hand_over(outbox, *args)
        if again:
            await worker.regain(*again.pop())  # what its next tenure knows may have been read before
        return sent

    monkeypatch.setattr(KafkaOutbox, "_hand_over", and_joins_again)
    publishing = asyncio.ensure_future(worker.outbox.publish(parcel(worker.topics, 0, "r-1")))
    done, _ = await asyncio.wait({publishing}, timeout=1.0)
    publishing.cancel()

    await worker.outbox.publish(parcel(worker.topics, 0, "r-2"))

    assert not done
    assert ids(await worker.read(worker.topics.responses)) == ["r-2"]


async def test_an_outbox_whose_name_was_taken_over_goes_on_with_a_new_producer(worker: KafkaCase) -> None:
    await worker.outbox.publish(parcel(worker.topics, 0, "r-1"))

    async with producing(worker.kafka, worker.name):
        await worker.outbox.publish(parcel(worker.topics, 0, "r-2"))

    assert ids(await worker.read(worker.topics.responses)) == ["r-1", "r-2"]


async def test_an_outbox_whose_producer_died_goes_on_with_a_new_one(worker: KafkaCase) -> None:
    await worker.outbox.publish(parcel(worker.topics, 0, "r-1"))
    assert worker.outbox._producer is not None
    await worker.outbox._producer.stop()

    await worker.outbox.publish(parcel(worker.topics, 0, "r-2"))

    assert ids(await worker.read(worker.topics.responses)) == ["r-1", "r-2"]


async def test_a_commit_that_was_not_answered_is_not_repeated_when_it_happened(
    worker: KafkaCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = worker.outbox._producer
    assert producer is not None
    commit = producer.commit_transaction

    async def unanswered() -> None:
        await commit()
        raise KafkaError("the connection broke before the answer came")

    monkeypatch.setattr(producer, "commit_transaction", unanswered)

    await worker.outbox.publish(parcel(worker.topics, 0, "r-1"))
    await worker.outbox.publish(parcel(worker.topics, 0, "r-2"))

    assert ids(await worker.read(worker.topics.responses)) == ["r-1", "r-2"]
    assert worker.outbox._producer is not producer


async def test_a_commit_that_did_not_happen_is_made_again(
    worker: KafkaCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> None:
        raise KafkaError("the connection broke before it was asked for")

    monkeypatch.setattr(worker.outbox._producer, "commit_transaction", broken)

    await worker.outbox.publish(parcel(worker.topics, 0, "r-1"))

    assert ids(await worker.read(worker.topics.responses)) == ["r-1"]
