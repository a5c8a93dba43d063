"""A header name that is no UTF-8 hides no record from the judges."""

import pytest
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.memory_records import MemoryRecords

from app.verify.header_names import TolerantRecords

GZIP = 1


class AnyName(str):
    """Writes bytes that are no UTF-8, as other clients do."""

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


def test_aiokafka_alone_cannot_read_such_a_name() -> None:
    with pytest.raises(UnicodeDecodeError):
        read(batch("\udcff"), MemoryRecords)


@pytest.mark.parametrize("compression", [0, GZIP])
def test_such_a_name_is_read_with_replacement_characters(compression: int) -> None:
    found = read(batch("schema", "\udcff", "schema", compression=compression), TolerantRecords)

    assert [(offset, name) for offset, _, [(name, _)] in found] == [
        (0, "schema"),
        (1, "\ufffd"),
        (2, "schema"),
    ]


def test_other_batches_are_read_as_ever() -> None:
    raw = batch("schema", "status") + batch("signature")

    assert read(raw, TolerantRecords) == read(raw, MemoryRecords)


def test_a_marker_can_be_asked_for() -> None:
    found = TolerantRecords(batch("schema")).next_batch()

    assert next(found).value == b"value"
