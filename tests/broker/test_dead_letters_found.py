"""Workers find dead letters on a real Kafka again, by their ids, for replays."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.adapters.fenced_producer import FencedProducer
from app.adapters.kafka_dead_letters import KafkaDeadLetters
from app.adapters.records_at import RecordsAt
from schemas.codec import encode
from streams.topics import DEADLETTER
from tests.broker.operated_deployment import PLACE, bury, of_deployment
from tests.broker.stand_in_desk import write
from tests.broker.stand_in_worker import PARTITIONS, StandIn


@pytest.fixture
async def letters(stand_in: StandIn) -> AsyncIterator[KafkaDeadLetters]:
    records = RecordsAt(stand_in.kafka)
    await records.start()
    yield KafkaDeadLetters(stand_in.kafka, stand_in.name(DEADLETTER), records)
    await records.stop()


async def test_letters_are_found_however_many_are_asked_for_and_what_is_written_later_too(
    stand_in: StandIn, letters: KafkaDeadLetters
) -> None:
    first = [of_deployment(stand_in, offset) for offset in range(1000)]
    await bury(stand_in, *first)
    await write(stand_in, DEADLETTER, [(b"acme", b"no letter", PLACE), (b"acme", None, PLACE)])

    async with asyncio.timeout(20):
        found = await asyncio.gather(*(letters.find(PLACE, one.dead_letter_id) for one in first))
        await bury(stand_in, later := of_deployment(stand_in, 5000))
        then = [await letters.find(PLACE, one) for one in (later.dead_letter_id, "dl_nowhere")]

    assert found == first
    assert then == [later, None]
    assert await letters.find((PLACE + 1) % PARTITIONS, later.dead_letter_id) is None


async def test_a_letter_of_an_aborted_transaction_is_none(
    stand_in: StandIn, letters: KafkaDeadLetters, topic_prefix: str
) -> None:
    aborted, committed = of_deployment(stand_in, 1), of_deployment(stand_in, 2)
    producer = FencedProducer(bootstrap_servers=stand_in.kafka.bootstrap, transactional_id=topic_prefix)
    await producer.start()
    try:
        for letter in (aborted, committed):
            await producer.begin_transaction()
            topic = stand_in.name(DEADLETTER)
            await producer.send_and_wait(topic, encode(letter), key=b"acme", partition=PLACE)
            await (producer.abort_transaction if letter is aborted else producer.commit_transaction)()
    finally:
        await producer.stop()

    found = [await letters.find(PLACE, one.dead_letter_id) for one in (aborted, committed)]

    assert found == [None, committed]
