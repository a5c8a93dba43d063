"""A partition keeps order, knows duplicates and hides what is not certain."""

import asyncio

import pytest
from aiokafka.record.memory_records import MemoryRecords

from app.brokers.node.partition import Aborted, Partition
from app.brokers.node.refusals import Code, Refused
from tests.unit.brokers.node.records import PRODUCER, batch, transactional

MOST = 10_000


def partition() -> Partition:
    return Partition(MOST)


def read(log: Partition, offset: int, *, committed: bool = False, max_bytes: int = 1_000_000) -> list[int]:
    records = MemoryRecords(log.read(offset, max_bytes, committed=committed).data)
    offsets = []
    while records.has_next():
        offsets += [record.offset for record in records.next_batch()]
    return offsets


def test_offsets_go_up_by_one_over_batches() -> None:
    log = partition()

    starts = [log.append(batch([b"a", b"b"])), log.append(batch([b"c"]))]

    assert (starts, log.end) == ([0, 2], 3)
    assert read(log, 0) == [0, 1, 2]


def test_a_fetch_from_within_a_batch_gets_that_batch() -> None:
    log = partition()
    log.append(batch([b"a", b"b"]))
    log.append(batch([b"c"]))

    assert read(log, 1) == [0, 1, 2]
    assert read(log, 2) == [2]


def test_a_fetch_at_the_end_gets_nothing() -> None:
    log = partition()
    log.append(batch([b"a"]))

    assert read(log, 1) == []


@pytest.mark.parametrize("offset", [-1, 2])
def test_a_fetch_outside_of_the_log_is_refused(offset: int) -> None:
    log = partition()
    log.append(batch([b"a"]))

    with pytest.raises(Refused) as refused:
        log.read(offset, MOST, committed=False)

    assert refused.value.code is Code.OFFSET_OUT_OF_RANGE


def test_a_fetch_stops_at_its_budget_but_gets_one_batch_at_least() -> None:
    log = partition()
    for _ in range(3):
        log.append(batch([b"x" * 100]))

    assert read(log, 0, max_bytes=1) == [0]
    assert read(log, 0, max_bytes=400) == [0, 1]


def test_a_batch_that_is_too_large_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        partition().append(batch([b"x" * MOST]))

    assert refused.value.code is Code.MESSAGE_TOO_LARGE


def test_a_batch_sent_twice_is_stored_once() -> None:
    log = partition()
    log.append(batch([b"a"], sequence=0))

    again = [log.append(batch([b"b", b"c"], sequence=1)), log.append(batch([b"b", b"c"], sequence=1))]

    assert (again, log.end) == ([1, 1], 3)


def test_a_gap_in_a_producers_sequence_is_refused() -> None:
    log = partition()
    log.append(batch([b"a"], sequence=0))

    with pytest.raises(Refused) as refused:
        log.append(batch([b"c"], sequence=2))

    assert refused.value.code is Code.OUT_OF_ORDER_SEQUENCE


def test_a_sequence_goes_on_at_zero_after_its_greatest_number() -> None:
    log = partition()
    log.append(batch([b"a"], sequence=0x7FFFFFFF))

    assert log.append(batch([b"b"], sequence=0)) == 1


def test_an_older_epoch_of_a_producer_is_fenced() -> None:
    log = partition()
    log.append(batch([b"new"], sequence=0, epoch=1))

    with pytest.raises(Refused) as refused:
        log.append(batch([b"old"], sequence=0, epoch=0))

    assert refused.value.code is Code.INVALID_PRODUCER_EPOCH


def test_an_open_transaction_ends_what_is_certain() -> None:
    log = partition()
    log.append(batch([b"before"]))
    log.append(transactional([b"in it"]))
    log.append(batch([b"after"]))

    assert (log.stable_end, log.end) == (1, 3)
    assert read(log, 0, committed=True) == [0]
    assert read(log, 0) == [0, 1, 2]


def test_a_committed_transaction_is_seen_with_its_marker() -> None:
    log = partition()
    log.append(transactional([b"in it"]))

    log.end_transaction(PRODUCER, 0, commit=True, timestamp=1)

    assert (log.stable_end, log.end) == (2, 2)
    assert log.read(0, MOST, committed=True).aborted == ()


def test_an_aborted_transaction_is_named_to_those_who_read_over_it() -> None:
    log = partition()
    log.append(batch([b"before"]))
    log.append(transactional([b"in it"]))
    log.end_transaction(PRODUCER, 0, commit=False, timestamp=1)
    log.append(batch([b"after"]))

    assert log.read(0, MOST, committed=True).aborted == (Aborted(PRODUCER, 1, 2),)
    assert log.read(3, MOST, committed=True).aborted == ()
    assert log.read(0, MOST, committed=False).aborted == ()


def test_ending_a_transaction_under_a_new_epoch_fences_its_producer() -> None:
    log = partition()
    log.append(transactional([b"in it"]))
    log.end_transaction(PRODUCER, 1, commit=False, timestamp=1)

    with pytest.raises(Refused) as refused:
        log.append(transactional([b"late"], sequence=1))

    assert refused.value.code is Code.INVALID_PRODUCER_EPOCH


def test_a_time_leads_to_the_first_record_that_is_not_older() -> None:
    log = partition()
    log.append(batch([b"a", b"b"], timestamp=1_000))
    log.append(batch([b"c", b"d"], timestamp=2_000))

    assert log.first_at(1_500) == (2_000, 2)
    assert log.first_at(2_001) == (2_001, 3)
    assert log.first_at(2_002) is None


def test_forgetting_moves_the_start() -> None:
    log = partition()
    for _ in range(3):
        log.append(batch([b"x"]))

    assert log.forget_before(2) == 2
    assert read(log, 2) == [2]
    with pytest.raises(Refused):
        log.read(1, MOST, committed=False)
    assert log.forget_before(-1) == 3


async def test_an_append_wakes_who_waits() -> None:
    log = partition()
    arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    log.on_append(arrived)

    log.append(batch([b"x"]))

    assert arrived.done()
