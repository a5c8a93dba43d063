"""The header of a Kafka record batch (format 2): enough to store records without looking into them."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from app.brokers.node.refusals import Code, Refused

# base offset, length, leader epoch, magic, crc, attributes, last offset delta, base timestamp, max timestamp,
# producer id, producer epoch, base sequence, count
HEADER = struct.Struct(">qiibIhiqqqhii")
LENGTH_COUNTS_FROM = 12
CRC_COVERS_FROM = 21
MAGIC = 2
TRANSACTIONAL, CONTROL = 0x10, 0x20
NO_PRODUCER = -1


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch as it is stored and handed out."""

    raw: bytes
    base_offset: int
    last_offset_delta: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    transactional: bool
    control: bool

    @property
    def last_offset(self) -> int:
        """The offset of its last record."""
        return self.base_offset + self.last_offset_delta

    @property
    def last_sequence(self) -> int:
        """The producer's sequence number of its last record; they wrap at 2^31."""
        return (self.base_sequence + self.last_offset_delta) & 0x7FFFFFFF

    def at(self, base_offset: int) -> "Batch":
        """The same records, at their place in a log; the checksum does not cover the place."""
        raw = struct.pack(">q", base_offset) + self.raw[8:]
        return replace(self, raw=raw, base_offset=base_offset)


def parse(data: bytes) -> list[Batch]:
    """The batches of a produce request; raises Refused when one is not whole."""
    return list(_parse(data))


def _parse(data: bytes) -> Iterator[Batch]:
    position = 0
    while position < len(data):
        if len(data) - position < HEADER.size:
            raise Refused(Code.CORRUPT_MESSAGE)
        fields = HEADER.unpack_from(data, position)
        end = position + LENGTH_COUNTS_FROM + fields[1]
        raw = data[position:end]
        if fields[3] != MAGIC or end > len(data) or calc_crc32c(raw[CRC_COVERS_FROM:]) != fields[4]:
            raise Refused(Code.CORRUPT_MESSAGE)
        yield _described(raw, fields)
        position = end


def _described(raw: bytes, fields: tuple[int, ...]) -> Batch:
    attributes = fields[5]
    return Batch(
        raw=raw,
        base_offset=fields[0],
        last_offset_delta=fields[6],
        max_timestamp=fields[8],
        producer_id=fields[9],
        producer_epoch=fields[10],
        base_sequence=fields[11],
        transactional=bool(attributes & TRANSACTIONAL),
        control=bool(attributes & CONTROL),
    )


def marker(producer_id: int, producer_epoch: int, *, commit: bool, timestamp: int) -> Batch:
    """The control batch that ends a transaction in one partition."""
    key = struct.pack(">hh", 0, int(commit))
    value = struct.pack(">hi", 0, 0)
    # Lengths are zigzag varints; all here are below 64 and so one byte, twice their value.
    record = bytes([0, 0, 0, len(key) * 2]) + key + bytes([len(value) * 2]) + value + bytes([0])
    body = bytes([len(record) * 2]) + record
    fields = [0, HEADER.size - LENGTH_COUNTS_FROM + len(body), 0, MAGIC, 0, TRANSACTIONAL | CONTROL, 0]
    fields += [timestamp, timestamp, producer_id, producer_epoch, -1, 1]
    unsigned = HEADER.pack(*fields) + body
    fields[4] = calc_crc32c(unsigned[CRC_COVERS_FROM:])
    return _described(HEADER.pack(*fields) + body, tuple(fields))


def first_record_at(batch: Batch, timestamp: int) -> tuple[int, int]:
    """Timestamp and offset of the first record in a batch that is not older."""
    records = MemoryRecords(batch.raw).next_batch()
    if not batch.control:
        for record in records:
            if record.timestamp >= timestamp:
                return record.timestamp, record.offset
    return batch.max_timestamp, batch.last_offset
