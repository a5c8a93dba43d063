"""Batches that the compiled reader cannot read are read all the same."""

import pytest
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.memory_records import MemoryRecords

from streams.lenient_records import LenientRecords

GZIP = 1
GOOD, BAD = "traceparent", "\udcff\udcfe"


class AnyName(str):
    """A header name with bytes that are no UTF-8, as other clients write them."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return super().encode("utf-8", "surrogateescape")


def batch(*names: str, compression: int = 0) -> bytes:
    builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, -1, 1 << 20)
    for offset, name in enumerate(names):
        builder.append(offset, 1_000, b"key", b"value", [(AnyName(name), b"\xff")])
    return bytes(builder.build())


def read(raw: bytes, reader: type) -> list[tuple[int, bytes, list[tuple[str, bytes]]]]:
    records = reader(raw)
    batches = iter(records.next_batch, None)
    return [(record.offset, record.value, list(record.headers)) for found in batches for record in found]


def test_the_compiled_reader_alone_cannot_read_such_a_name() -> None:
    with pytest.raises(UnicodeDecodeError):
        read(batch(GOOD, BAD), MemoryRecords)


@pytest.mark.parametrize("compression", [0, GZIP])
def test_a_name_that_is_no_utf8_hides_no_record(compression: int) -> None:
    found = read(batch(GOOD, BAD, GOOD, compression=compression), LenientRecords)

    assert [offset for offset, _, _ in found] == [0, 1, 2]
    assert [name for _, _, [(name, _)] in found] == [GOOD, "\ufffd\ufffd", GOOD]
    assert {value for _, _, [(_, value)] in found} == {b"\xff"}


def test_what_can_be_read_is_read_the_same() -> None:
    raw = batch(GOOD, "status") + batch("request-id")

    assert read(raw, LenientRecords) == read(raw, MemoryRecords)
