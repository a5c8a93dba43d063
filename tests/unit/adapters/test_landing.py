"""Where the records of a batch landed, as the broker's words on it tell."""

from typing import Any

import pytest
from aiokafka.structs import RecordMetadata, TopicPartition

from app.adapters.landing import landing, merged, proof
from app.adapters.record_batches import BatchFailed
from streams.flow import Emission, Parcel
from streams.ports import Shelf
from tests.doubles.memory_outbox import NAMES


def stands(topic: str, offset: int, partition: int = 0) -> Any:
    return RecordMetadata(topic, partition, TopicPartition(topic, partition), offset, 0, 0, 0)


def record(topic: str) -> Emission:
    return Emission(topic, 0, b"k", b"v", [])


def test_each_parcel_is_told_of_its_own_parked_record_whatever_stands_between_them() -> None:
    parcels = [Parcel(0, (record(NAMES.usage), record(NAMES.parked))) for _ in range(3)]
    ordinary = Parcel(0, (record(NAMES.responses),))
    parked = [parcel.emissions[1] for parcel in parcels]
    sent = [
        (stands(NAMES.usage, 70), [parcel.emissions[0] for parcel in parcels]),
        (stands(NAMES.parked, 10), parked[:2]),
        (stands(NAMES.parked, 17), parked[2:]),
        (stands(NAMES.responses, 5), list(ordinary.emissions)),
    ]

    found = landing(NAMES, [*parcels, ordinary], sent)

    assert found.parked == {id(parcels[0]): 10, id(parcels[1]): 11, id(parcels[2]): 17}
    assert found.checkpoints == {Shelf("responses", 0): 6}


def test_what_a_parcel_takes_away_from_the_parked_topic_is_not_where_it_parked() -> None:
    gone = Emission(NAMES.parked, 0, b"another", None, [])
    parcel = Parcel(0, (record(NAMES.parked), gone))

    found = landing(NAMES, [parcel], [(stands(NAMES.parked, 10), list(parcel.emissions))])

    assert found.parked == {id(parcel): 10}


def test_a_parked_record_of_which_the_broker_does_not_say_where_it_stands_is_sent_anew() -> None:
    parcel = Parcel(0, (record(NAMES.parked),))

    with pytest.raises(BatchFailed):
        landing(NAMES, [parcel], [(stands(NAMES.parked, -1), list(parcel.emissions))])


def test_batches_that_followed_each_other_are_told_as_one() -> None:
    first, second = (Parcel(0, (record(NAMES.parked), record(NAMES.responses))) for _ in range(2))
    landings = [
        landing(
            NAMES,
            [parcel],
            [
                (stands(NAMES.parked, at), [parcel.emissions[0]]),
                (stands(NAMES.responses, at), [parcel.emissions[1]]),
            ],
        )
        for parcel, at in ((first, 3), (second, 8))
    ]

    found = merged(landings)

    assert found.parked == {id(first): 3, id(second): 8}
    assert found.checkpoints == {Shelf("responses", 0): 9}


def test_what_compaction_may_take_away_proves_a_commit_only_where_there_is_nothing_else() -> None:
    parked = (stands(NAMES.parked, 3), [record(NAMES.parked)])
    usage = (stands(NAMES.usage, 8, 2), [record(NAMES.usage)])

    assert proof(NAMES, [parked, usage]) == (TopicPartition(NAMES.usage, 2), 8)
    assert proof(NAMES, [parked]) == (TopicPartition(NAMES.parked, 0), 3)
    assert proof(NAMES, []) is None
