"""What every outbox does: publishes in order what it owns, and says when it is durable and remembered."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from uuid import uuid4

import pytest

from app import provision
from app.brokers.broker import BrokerHandle
from streams.flow import Answered, DealtWith, Duplicate, Emission, Parcel
from streams.options import KafkaOptions
from streams.ports import Claim, Shelf
from tests.contract.outboxes import PARTITIONS, KafkaCase, MemoryCase, OutboxCase

SHA = "a" * 64


@pytest.fixture(scope="module")
def topics(kafka: BrokerHandle) -> KafkaOptions:
    """One deployment's topics, which the tests write to one after another."""
    options = KafkaOptions(
        bootstrap=kafka.bootstrap,
        topic_prefix=f"t{uuid4().hex[:10]}.",
        partitions=PARTITIONS,
        app_id=f"outbox-{uuid4().hex[:10]}",
        session_timeout_s=6.0,
    )
    asyncio.run(provision.create(options))
    return options


@pytest.fixture(
    params=[
        "memory",
        pytest.param("plain", marks=pytest.mark.broker),
        pytest.param("transactional", marks=pytest.mark.broker),
    ]
)
def unstarted(request: pytest.FixtureRequest) -> MemoryCase | Callable[[], KafkaCase]:
    """Real ones are made on the event loop."""
    if request.param == "memory":
        return MemoryCase()
    topics: KafkaOptions = request.getfixturevalue("topics")
    return lambda: KafkaCase(topics, request.param)


@pytest.fixture
async def case(unstarted: MemoryCase | Callable[[], KafkaCase]) -> AsyncIterator[OutboxCase]:
    made = unstarted if isinstance(unstarted, MemoryCase) else unstarted()
    try:
        await made.start()
        for partition in range(PARTITIONS):
            await made.claims.rebuilt(Shelf("responses", partition), 0)
        await made.own(*range(PARTITIONS))
        yield made
    finally:
        await made.stop()


def parcel(case: OutboxCase, partition: int, number: int, value: bytes | None = None) -> Parcel:
    """A response and a line of the books."""
    key, said = b"tenant-%d" % partition, value or b"%d" % number
    headers = [("request-id", b"r-%d" % number)]
    return Parcel(
        partition,
        (
            Emission(case.topics.responses, partition, key, said, headers),
            Emission(case.topics.usage, partition, key, b"usage of %d" % number, []),
        ),
        Answered(f"tenant-{partition}", f"r-{number}", SHA),
    )


def values(emissions: Sequence[Emission], partition: int) -> list[bytes | None]:
    return [emission.value for emission in emissions if emission.partition == partition]


async def test_what_was_published_can_be_read_whole(case: OutboxCase) -> None:
    sent = parcel(case, 2, 7)

    await case.outbox.publish(sent)

    assert await case.read(case.topics.responses) == [sent.emissions[0]]
    assert await case.read(case.topics.usage) == [sent.emissions[1]]


async def test_what_was_published_is_remembered(case: OutboxCase) -> None:
    await case.outbox.publish(parcel(case, 2, 7))

    (verdict,) = await case.claims.claim([Claim("tenant-2", "r-7", SHA, 2)])

    assert verdict == Duplicate()
    assert (await case.claims.checkpoint(Shelf("responses", 2)) or 0) >= 1


async def test_parcels_of_a_partition_stand_in_the_order_in_which_they_were_handed_over(
    case: OutboxCase,
) -> None:
    sent = [parcel(case, number % PARTITIONS, number) for number in range(400)]

    await asyncio.gather(*(case.outbox.publish(one) for one in sent))

    read = await case.read(case.topics.responses)
    for partition in range(PARTITIONS):
        expected = [b"%d" % number for number in range(400) if number % PARTITIONS == partition]
        assert values(read, partition) == expected


async def test_nothing_is_published_during_a_rebalance_and_everything_after_it(case: OutboxCase) -> None:
    case.ownership.revoked()
    publishing = asyncio.ensure_future(case.outbox.publish(parcel(case, 1, 7)))
    done, _ = await asyncio.wait({publishing}, timeout=0.05)
    assert not done

    await case.own(*range(PARTITIONS))
    await publishing

    assert len(await case.read(case.topics.responses)) == 1


async def test_what_is_not_owned_any_more_is_not_published(case: OutboxCase) -> None:
    case.ownership.revoked()
    foreign = asyncio.ensure_future(case.outbox.publish(parcel(case, 1, 7)))
    own = asyncio.ensure_future(case.outbox.publish(parcel(case, 3, 8)))
    await asyncio.sleep(0)

    await case.own(0, 3)
    await own

    assert not foreign.done()
    assert values(await case.read(case.topics.responses), 1) == []
    foreign.cancel()


async def test_what_was_handed_over_before_its_partition_was_lost_is_not_published_when_it_is_regained(
    case: OutboxCase,
) -> None:
    case.ownership.revoked()
    stale = asyncio.ensure_future(case.outbox.publish(parcel(case, 1, 7)))
    await asyncio.sleep(0)

    await case.regain(*range(PARTITIONS))
    await case.outbox.publish(parcel(case, 1, 8))

    assert not stale.done()
    assert values(await case.read(case.topics.responses), 1) == [b"8"]
    stale.cancel()


async def test_what_was_given_up_is_not_published(case: OutboxCase) -> None:
    case.ownership.revoked()
    given_up = asyncio.ensure_future(case.outbox.publish(parcel(case, 1, 7)))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.sleep(0)

    await case.own(*range(PARTITIONS))
    await case.outbox.publish(parcel(case, 1, 8))

    assert values(await case.read(case.topics.responses), 1) == [b"8"]


async def test_an_outcome_is_not_said_to_be_durable_before_it_is_remembered(case: OutboxCase) -> None:
    case.claims.away = True
    publishing = asyncio.ensure_future(case.outbox.publish(parcel(case, 1, 7)))
    done, _ = await asyncio.wait({publishing}, timeout=0.3)
    assert not done

    case.claims.away = False
    await publishing

    (verdict,) = await case.claims.claim([Claim("tenant-1", "r-7", SHA, 1)])
    assert verdict == Duplicate()


async def test_the_largest_records_are_published(case: OutboxCase) -> None:
    large = os.urandom(4 * 1024 * 1024 - 2048)

    await asyncio.gather(*(case.outbox.publish(parcel(case, 1, number, large)) for number in range(3)))

    assert values(await case.read(case.topics.responses), 1) == [large] * 3


async def test_a_record_larger_than_its_topic_takes_is_published_where_it_is_packed(case: OutboxCase) -> None:
    large = b"x" * 20_000_000
    letter = Emission(case.topics.deadletter, 1, b"k", large, [("code", b"oversize")], packed=True)

    await asyncio.gather(
        case.outbox.publish(parcel(case, 1, 1)),
        case.outbox.publish(Parcel(1, (letter,), Answered("", "1:0", SHA))),
        case.outbox.publish(parcel(case, 1, 2)),
    )

    (read,) = await case.read(case.topics.deadletter)
    assert (read.value, read.headers) == (large, letter.headers)
    assert values(await case.read(case.topics.responses), 1) == [b"1", b"2"]


async def test_a_record_without_a_key_or_a_value_is_published(case: OutboxCase) -> None:
    keyless = Emission(case.topics.deadletter, 1, None, b"value", [])
    tombstone = Emission(case.topics.usage, 1, b"key", None, [])

    await case.outbox.publish(Parcel(1, (keyless, tombstone), Answered("", "1:0", SHA)))

    assert (await case.read(case.topics.deadletter))[0].key is None
    assert (await case.read(case.topics.usage))[0].value is None


def parked(case: OutboxCase, partition: int, number: int) -> Emission:
    return Emission(case.topics.parked, partition, b"4:acme:r-%d" % number, b"%d" % number, [])


def usage(case: OutboxCase, partition: int, number: int) -> Emission:
    return Emission(case.topics.usage, partition, b"acme", b"%d" % number, [])


async def test_what_is_parked_is_told_where_it_stands(case: OutboxCase) -> None:
    waiting = [
        Parcel(number % 2, (usage(case, number % 2, number), parked(case, number % 2, number)))
        for number in range(40)
    ]
    ordinary = [parcel(case, number % 2, number) for number in range(40)]
    mixed = [one for pair in zip(ordinary, waiting, strict=True) for one in pair]

    told = await asyncio.gather(*(case.outbox.publish(one) for one in mixed))

    assert told[::2] == [None] * 40
    for partition in range(2):
        assert told[1::2][partition::2] == await case.offsets(case.topics.parked, partition)
    found = await case.read(case.topics.parked)
    assert values(found, 1) == [b"%d" % number for number in range(1, 40, 2)]


async def test_where_a_parked_request_stands_is_told_and_not_what_is_taken_away(case: OutboxCase) -> None:
    gone = replace(parked(case, 1, 7), value=None)
    parcels = [Parcel(1, told) for told in ((parked(case, 1, 7),), (gone,), (parked(case, 1, 8), gone))]

    found = [await case.outbox.publish(parcel) for parcel in parcels]

    stands = await case.offsets(case.topics.parked, 1)
    assert found == [stands[0], None, stands[2]]


async def test_how_far_commands_are_dealt_with_is_committed_with_what_they_came_to(case: OutboxCase) -> None:
    assert await case.dealt_with(1) is None

    await asyncio.gather(
        case.outbox.publish(replace(parcel(case, 1, 1), commands=DealtWith(5))),
        case.outbox.publish(replace(parcel(case, 2, 2), commands=DealtWith(9))),
        case.outbox.publish(replace(parcel(case, 1, 3), commands=DealtWith(5, (7, 12)))),
        case.outbox.publish(parcel(case, 1, 4)),
    )

    told = [await case.dealt_with(partition) for partition in range(4)]
    assert told == [None, DealtWith(5, (7, 12)), DealtWith(9), None]
    assert values(await case.read(case.topics.responses), 1) == [b"1", b"3", b"4"]


async def test_a_command_may_come_to_nothing(case: OutboxCase) -> None:
    await case.outbox.publish(Parcel(3, (), commands=DealtWith(17)))

    assert await case.dealt_with(3) == DealtWith(17)
