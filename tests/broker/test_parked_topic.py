"""Parked requests are told to whoever owns their partition next, and read again when they are due."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app import provision
from app.adapters.fenced_producer import FencedProducer
from streams.flow import Emission
from streams.options import KafkaOptions
from streams.parked import parked_key
from streams.topics import TopicNames, topic_names
from tests.broker.next_owner import Owner, left_open, predecessor, publish
from tests.broker.outcomes import response
from tests.doubles.memory_claims import ClaimMemory

SOON_S = 3.0


@pytest.fixture
async def owner(deployment: KafkaOptions) -> Owner:
    await provision.create(deployment)
    return Owner(deployment)


@pytest.fixture
def topics(deployment: KafkaOptions) -> TopicNames:
    return topic_names(deployment.topic_prefix, deployment.app_id)


@pytest.fixture
async def dying(owner: Owner) -> AsyncIterator[FencedProducer]:
    """The producer of a worker that owned partition 0, as the offset that it committed says."""
    async with predecessor(owner) as producer:
        yield producer


def parked(topics: TopicNames, request_id: str, value: bytes | None = b"{}", partition: int = 0) -> Emission:
    return Emission(topics.parked, partition, parked_key("acme", request_id), value, [])


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

    await owner.ledger.rebuild([0])
    assert owner.parked.begun == [0]

    owner.own()
    await owner.take_over(0, 1)
    assert owner.parked.begun == [0, 0, 1]
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
