"""Transactions commit as a whole, and a name has one holder."""

import pytest

from app.brokers.node.groups import Committed, Groups, Place
from app.brokers.node.refusals import Code, Refused
from app.brokers.node.topics import Topics
from app.brokers.node.transactions import Transactions
from tests.unit.brokers.node.records import transactional

NAME = "worker-1"
HERE, THERE = Place("out", 0), Place("out", 1)
REACHED = {Place("in", 0): Committed(7, "")}


class Rig:
    """Topics, groups and transactions as a node has them."""

    def __init__(self) -> None:
        self.topics = Topics()
        self.topics.create("out", 2, {})
        self.groups = Groups()
        self.transactions = Transactions(self.topics, self.groups, lambda: 1_000)

    def identity(self) -> tuple[int, int]:
        return self.transactions.producer_id(NAME, 60.0)

    def write(self, identity: tuple[int, int], place: Place = HERE) -> None:
        self.transactions.check_write(NAME, identity, place)
        self.topics.partition(*place).append(transactional([b"x"], producer=identity[0], epoch=identity[1]))


def refused_with(code: Code) -> "pytest.RaisesExc[Refused]":
    return pytest.RaisesExc(Refused, check=lambda refused: refused.code is code)


def test_producers_without_a_name_get_ids_of_their_own() -> None:
    transactions = Rig().transactions

    first, second = transactions.producer_id(None, 60.0), transactions.producer_id(None, 60.0)

    assert first[0] != second[0]


def test_a_commit_makes_every_partition_and_offset_count() -> None:
    rig = Rig()
    identity = rig.identity()
    rig.transactions.add_partitions(NAME, identity, [HERE, THERE], 0.0)
    rig.write(identity, HERE)
    rig.write(identity, THERE)
    rig.transactions.add_group(NAME, identity, "readers", 0.0)
    rig.transactions.commit_offsets(NAME, identity, "readers", REACHED)
    assert rig.topics.partition(*HERE).stable_end == 0
    assert rig.groups.group("readers").offsets == {}

    rig.transactions.end(NAME, identity, commit=True)

    assert [rig.topics.partition(*place).stable_end for place in (HERE, THERE)] == [2, 2]
    assert rig.groups.group("readers").offsets == REACHED


@pytest.mark.parametrize("commit", [True, False])
def test_an_offset_is_about_to_change_until_its_transaction_has_ended(commit: bool) -> None:
    rig = Rig()
    identity = rig.identity()
    rig.transactions.add_group(NAME, identity, "readers", 0.0)
    assert not rig.transactions.commits("readers", Place("in", 0))

    rig.transactions.commit_offsets(NAME, identity, "readers", REACHED)
    assert rig.transactions.commits("readers", Place("in", 0))
    assert not rig.transactions.commits("readers", Place("in", 1))
    assert not rig.transactions.commits("others", Place("in", 0))

    rig.transactions.end(NAME, identity, commit=commit)
    assert not rig.transactions.commits("readers", Place("in", 0))


def test_an_abort_makes_nothing_count() -> None:
    rig = Rig()
    identity = rig.identity()
    rig.transactions.add_partitions(NAME, identity, [HERE], 0.0)
    rig.write(identity)
    rig.transactions.add_group(NAME, identity, "readers", 0.0)
    rig.transactions.commit_offsets(NAME, identity, "readers", REACHED)

    rig.transactions.end(NAME, identity, commit=False)

    assert rig.topics.partition(*HERE).read(0, 1_000, committed=True).aborted
    assert rig.groups.group("readers").offsets == {}


def test_a_successor_fences_and_aborts_what_was_open() -> None:
    rig = Rig()
    old = rig.identity()
    rig.transactions.add_partitions(NAME, old, [HERE], 0.0)
    rig.write(old)

    new = rig.identity()

    assert (new[0], new[1]) == (old[0], old[1] + 1)
    assert rig.topics.partition(*HERE).stable_end == 2
    with refused_with(Code.INVALID_PRODUCER_EPOCH):
        rig.transactions.end(NAME, old, commit=True)
    with refused_with(Code.INVALID_PRODUCER_EPOCH):
        rig.write(old)


def test_a_transaction_past_its_time_is_aborted_and_its_producer_fenced() -> None:
    rig = Rig()
    identity = rig.identity()
    rig.transactions.add_partitions(NAME, identity, [HERE], 10.0)
    rig.write(identity)

    rig.transactions.expire(69.0)
    assert rig.topics.partition(*HERE).stable_end == 0
    rig.transactions.expire(71.0)

    assert rig.topics.partition(*HERE).stable_end == 2
    with refused_with(Code.INVALID_PRODUCER_EPOCH):
        rig.transactions.end(NAME, identity, commit=True)


def test_a_write_to_a_partition_that_was_not_announced_is_refused() -> None:
    rig = Rig()
    identity = rig.identity()
    rig.transactions.add_partitions(NAME, identity, [HERE], 0.0)

    with refused_with(Code.INVALID_TXN_STATE):
        rig.write(identity, THERE)


def test_asking_again_for_the_same_end_is_answered_alike() -> None:
    rig = Rig()
    identity = rig.identity()
    rig.transactions.add_partitions(NAME, identity, [HERE], 0.0)
    rig.transactions.end(NAME, identity, commit=True)

    rig.transactions.end(NAME, identity, commit=True)

    with refused_with(Code.INVALID_TXN_STATE):
        rig.transactions.end(NAME, identity, commit=False)


def test_an_epoch_that_runs_out_leads_to_a_new_producer_id() -> None:
    rig = Rig()
    first = rig.identity()
    rig.transactions._by_name[NAME].epoch = 0x7FFE

    second = rig.identity()

    assert second[0] != first[0]
    assert second[1] == 0
