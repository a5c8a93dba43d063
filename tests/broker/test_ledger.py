"""Before a partition admits anything, every outcome that any earlier owner published is known."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from app.adapters.clock import SystemClock
from app.adapters.fenced_producer import FencedProducer
from streams.flow import Duplicate, Emission, place_identity
from streams.observations import LedgerRead
from streams.options import KafkaOptions
from streams.ports import Claim, LedgerLost, Shelf
from streams.topics import TopicNames
from tests.broker.next_owner import Owner, left_open, publish
from tests.broker.outcomes import SHA, ids, letter, response
from tests.broker.topic_reader import read_all
from tests.doubles.memory_claims import ClaimMemory

SOON_S = 3.0  # what a crash in the middle of a transaction may cost the next owner


async def test_all_that_was_answered_is_known_when_a_partition_opens(
    owner: Owner, deployment: KafkaOptions, topics: TopicNames
) -> None:
    answers = [response(topics, 0, f"r-{number}") for number in range(200)]
    await publish(deployment, *answers, letter(topics, 0, 17), response(topics, 1, "other"))

    await owner.take_over(0)

    assert owner.ownership.is_open(0)
    assert await owner.knows("r-0", "r-199", "r-200") == [True, True, False]
    _, place = place_identity(0, 17)
    (verdict,) = await owner.claims.claim([Claim("", place, SHA, 0)])
    assert verdict == Duplicate()
    assert await owner.claims.checkpoint(Shelf("responses", 0)) == 200
    assert await owner.claims.checkpoint(Shelf("deadletter", 0)) == 1
    assert [(one.partition, one.records) for one in owner.observed.of(LedgerRead)] == [(0, 201)]


async def test_an_empty_partition_opens_at_once(owner: Owner) -> None:
    assert await owner.take_over(*range(4)) < SOON_S

    assert all(map(owner.ownership.is_open, range(4)))


async def test_what_is_remembered_is_not_read_again(
    owner: Owner, deployment: KafkaOptions, topics: TopicNames
) -> None:
    await publish(deployment, *(response(topics, 0, f"r-{number}") for number in range(50)))
    await owner.take_over(0)
    await publish(deployment, response(topics, 0, "r-50"))

    owner.own()
    await owner.take_over(0)

    assert [one.records for one in owner.observed.of(LedgerRead)] == [50, 1]
    assert await owner.knows("r-0", "r-50") == [True, True]


async def test_a_store_that_was_emptied_is_filled_again(
    owner: Owner, deployment: KafkaOptions, topics: TopicNames
) -> None:
    await publish(deployment, *(response(topics, 0, f"r-{number}") for number in range(50)))
    await owner.take_over(0)
    owner.claims.memory.become(ClaimMemory())
    with pytest.raises(LedgerLost):
        await owner.knows("r-0")

    await owner.ledger.rebuild([0])

    assert await owner.knows("r-0", "r-49") == [True, True]


async def test_what_is_older_than_the_promise_is_not_read(
    owner: Owner, deployment: KafkaOptions, topics: TopicNames
) -> None:
    now = SystemClock.at()
    async with AIOKafkaProducer(bootstrap_servers=deployment.bootstrap) as producer:
        for days, request_id in ((3, "old"), (0, "young")):
            made = response(topics, 0, request_id)
            at_ms = round((now - timedelta(days=days)).timestamp() * 1000)
            await producer.send_and_wait(
                made.topic, made.value, made.key, 0, timestamp_ms=at_ms, headers=made.headers
            )

    recent = Owner(deployment, days=1)
    await recent.take_over(0)

    assert await recent.knows("old", "young") == [False, True]
    assert await recent.claims.checkpoint(Shelf("responses", 0)) == 2


async def test_aborted_outcomes_are_not_known(
    owner: Owner, dying: FencedProducer, topics: TopicNames
) -> None:
    await left_open(dying, [response(topics, 0, "aborted")])
    await dying.abort_transaction()

    assert await owner.take_over(0) < SOON_S

    assert await owner.knows("aborted") == [False]


async def test_an_outcome_that_is_just_being_committed_is_waited_for(
    owner: Owner, dying: FencedProducer, topics: TopicNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.adapters.kafka_ledger.PATIENCE_S", 60)
    await left_open(dying, [response(topics, 0, "r-1")])
    taking_over = asyncio.ensure_future(owner.take_over(0))
    await asyncio.sleep(0.3)
    assert not owner.ownership.is_open(0)

    await dying.commit_transaction()
    await taking_over

    assert await owner.knows("r-1") == [True]


@pytest.mark.parametrize("question", ["end_offsets", "offsets_for_times"])
async def test_an_outcome_that_is_committed_while_the_owner_looks_where_to_begin_is_not_passed_over(
    owner: Owner, dying: FencedProducer, topics: TopicNames, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    await left_open(dying, [response(topics, 0, "r-1")])
    asked = getattr(AIOKafkaConsumer, question)

    async def answered_just_before_the_commit(reader: AIOKafkaConsumer, places: Any) -> Any:
        found = await asked(reader, places)
        if reader._isolation_level == "read_committed":
            monkeypatch.setattr(AIOKafkaConsumer, question, asked)
            await dying.commit_transaction()
        return found

    monkeypatch.setattr(AIOKafkaConsumer, question, answered_just_before_the_commit)
    await owner.take_over(0)

    assert await owner.knows("r-1") == [True]


@pytest.mark.parametrize("emptied", [False, True])
async def test_a_dead_worker_s_open_transaction_is_ended_within_seconds(
    owner: Owner, dying: FencedProducer, topics: TopicNames, emptied: bool
) -> None:
    if not emptied:
        await owner.claims.rebuilt(Shelf("responses", 0), 0)
    await left_open(dying, [response(topics, 0, "never decided"), letter(topics, 0, 3)])

    took_s = await owner.take_over(0)

    assert took_s < SOON_S
    assert await owner.knows("never decided") == [False]
    assert ids(await read_all(owner.kafka.bootstrap, topics.responses)) == []


async def test_a_frozen_worker_cannot_commit_after_its_successor_has_read_the_ledger(
    owner: Owner, dying: FencedProducer, topics: TopicNames
) -> None:
    await left_open(dying, [response(topics, 0, "too late")])
    await owner.take_over(0)

    with pytest.raises(Exception, match="newer producer"):
        await dying.commit_transaction()

    assert await owner.knows("too late") == [False]


async def test_a_takeover_that_has_much_to_read_fences_nobody(
    owner: Owner, dying: FencedProducer, topics: TopicNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.adapters.kafka_ledger.PATIENCE_S", -1)
    await publish(owner.kafka, *(response(topics, 0, f"r-{number}") for number in range(6000)))

    await owner.take_over(0)

    assert await owner.knows("r-5999") == [True]
    await left_open(dying, [response(topics, 0, "of a living worker")])
    await dying.commit_transaction()


async def test_other_partitions_open_while_one_is_held_up(
    owner: Owner, dying: FencedProducer, topics: TopicNames
) -> None:
    await left_open(dying, [response(topics, 0, "never decided")])
    owner.own(0, 1, 2)
    taking_over = asyncio.ensure_future(owner.ledger.rebuild([0, 1, 2]))

    async with asyncio.timeout(SOON_S):
        assert await owner.ownership.opened(2)
    assert not owner.ownership.is_open(0)

    await taking_over


async def test_a_partition_that_is_lost_meanwhile_holds_up_nobody(
    owner: Owner, dying: FencedProducer, topics: TopicNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.adapters.kafka_ledger.PATIENCE_S", 60)
    await left_open(dying, [response(topics, 0, "never decided")])
    owner.own(0)
    reading = asyncio.ensure_future(owner.ledger.rebuild([0]))
    await asyncio.sleep(0.3)

    owner.own(1)
    async with asyncio.timeout(SOON_S):
        assert await reading == frozenset()
        assert await owner.ledger.rebuild([1]) == {1}

    assert owner.ownership.is_open(1)


async def test_a_store_that_is_away_is_waited_for(
    owner: Owner, deployment: KafkaOptions, topics: TopicNames
) -> None:
    await publish(deployment, response(topics, 0, "r-1"))
    owner.claims.away = True
    taking_over = asyncio.ensure_future(owner.take_over(0))
    await asyncio.sleep(0.3)
    assert not owner.ownership.is_open(0)

    owner.claims.away = False
    await taking_over

    assert await owner.knows("r-1") == [True]


async def test_records_that_others_wrote_are_passed_over(
    owner: Owner, deployment: KafkaOptions, topics: TopicNames
) -> None:
    foreign = [
        Emission(topics.responses, 0, None, None, []),
        Emission(
            topics.responses, 0, b"\xff", b"rubbish", [("request-sha256", b"\xff"), ("request-id", b"r")]
        ),
        Emission(topics.deadletter, 0, b"k", b"v", [("request-sha256", b"ab"), ("source-place", b"nowhere")]),
    ]
    foreign[0] = replace(foreign[0], key=b"k")

    await publish(deployment, *foreign, response(topics, 0, "r-1"))
    await owner.take_over(0)

    assert await owner.knows("r-1") == [True]


async def test_a_takeover_goes_on_where_a_consumer_stops_with_a_cancellation(
    owner: Owner, deployment: KafkaOptions, topics: TopicNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(deployment, response(topics, 0, "r-1"))
    stop = AIOKafkaConsumer.stop

    async def as_while_kafka_is_away(consumer: AIOKafkaConsumer) -> None:
        await stop(consumer)
        raise asyncio.CancelledError

    monkeypatch.setattr(AIOKafkaConsumer, "stop", as_while_kafka_is_away)
    await owner.take_over(0)

    assert await owner.knows("r-1") == [True]
