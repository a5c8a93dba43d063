"""Reads records whose header names are no UTF-8, which Kafka takes and aiokafka cannot read.

One such record would end every worker that fetches it, again and again, and everything behind it would wait.
The compiled reader is asked first; only a batch that it cannot read is read again, more slowly.
"""

from collections.abc import Iterator
from typing import Any, SupportsIndex, overload

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy

FIRST_MAGIC_WITH_HEADERS = 2


class LenientBytes(bytes):
    """Decodes what is no UTF-8 with replacement characters."""

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        """Never raises."""
        return super().decode(encoding, "replace")


class LenientBuffer(bytearray):
    """A buffer whose slices are lenient."""

    @overload
    def __getitem__(self, key: SupportsIndex) -> int: ...

    @overload
    def __getitem__(self, key: slice) -> Any: ...

    def __getitem__(self, key: SupportsIndex | slice) -> Any:
        found = super().__getitem__(key)
        return LenientBytes(found) if isinstance(key, slice) else found


class SlowBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # aiokafka is not typed
    """The pure-Python reader on a lenient buffer."""

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        buffer: Any = vars(self)["_buffer"]
        if not isinstance(buffer, LenientBuffer):
            self._buffer: Any = LenientBuffer(buffer)


class LenientBatch:
    """A batch that can always be read; all but the records comes from the compiled reader."""

    def __init__(self, raw: memoryview) -> None:
        self._raw = raw
        self._compiled = DefaultRecordBatch(raw)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._compiled, name)

    def __next__(self) -> Any:
        """The marker of a transaction, which is read so where one was aborted; it has no headers."""
        return next(self._compiled)

    def __iter__(self) -> Iterator[Any]:
        try:
            records = list(self._compiled)
        except UnicodeDecodeError:
            records = list(SlowBatch(bytearray(self._raw)))
        return iter(records)


class LenientRecords(_MemoryRecordsPy):  # type: ignore[misc]  # aiokafka is not typed
    """What one fetch brought of one partition."""

    def next_batch(self, *_: Any) -> Any:
        """The next batch, if there is one."""
        raw = self._next_slice
        if raw is None or raw[self.MAGIC_OFFSET] < FIRST_MAGIC_WITH_HEADERS:
            return super().next_batch()
        self._cache_next()
        return LenientBatch(raw)


def install() -> None:
    """Have every consumer of this process read leniently."""
    fetcher.MemoryRecords = LenientRecords
