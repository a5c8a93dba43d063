"""The header of a batch is read right, and nothing broken is taken."""

import pytest
from aiokafka.record.control_record import ABORT_MARKER, COMMIT_MARKER, ControlRecord
from aiokafka.record.memory_records import MemoryRecords

from app.brokers.node import batches
from app.brokers.node.refusals import Code, Refused
from tests.unit.brokers.node.records import batch, raw


def test_a_clients_batch_is_described() -> None:
    parsed = batch([b"a", b"b", b"c"], timestamp=5_000, sequence=7, epoch=2)

    assert (parsed.last_offset_delta, parsed.max_timestamp) == (2, 5_002)
    assert (parsed.producer_id, parsed.producer_epoch, parsed.base_sequence) == (1000, 2, 7)
    assert parsed.last_sequence == 9


def test_several_batches_in_a_row_are_all_read() -> None:
    parsed = batches.parse(raw([b"a"]) + raw([b"b", b"c"]))

    assert [one.last_offset_delta for one in parsed] == [0, 1]


def test_a_batch_keeps_its_records_and_checksum_at_its_new_place() -> None:
    moved = batch([b"a", b"b"]).at(40)

    records = MemoryRecords(moved.raw).next_batch()
    assert records.validate_crc()
    assert [(record.offset, record.value) for record in records] == [(40, b"a"), (41, b"b")]


@pytest.mark.parametrize("spoilt", ["cut", "flipped", "old format", "short"])
def test_what_is_not_whole_is_refused(spoilt: str) -> None:
    good = bytearray(raw([b"a value"]))
    if spoilt == "cut":
        good = good[:-1]
    elif spoilt == "flipped":
        good[-3] ^= 1
    elif spoilt == "old format":
        good[16] = 1
    else:
        good = good[:20]

    with pytest.raises(Refused) as refused:
        batches.parse(bytes(good))

    assert refused.value.code is Code.CORRUPT_MESSAGE


@pytest.mark.parametrize(("commit", "kind"), [(True, COMMIT_MARKER), (False, ABORT_MARKER)])
def test_a_marker_reads_as_a_control_record(commit: bool, kind: ControlRecord) -> None:
    marker = batches.marker(1000, 3, commit=commit, timestamp=9_000).at(12)

    read = MemoryRecords(marker.raw).next_batch()
    assert read.validate_crc()
    assert read.is_control_batch
    assert read.is_transactional
    assert [(record.offset, ControlRecord.parse(record.key)) for record in read] == [(12, kind)]


def test_a_time_is_found_within_a_batch() -> None:
    stored = batch([b"a", b"b", b"c"], timestamp=5_000).at(10)

    assert batches.first_record_at(stored, 5_001) == (5_001, 11)
