"""Has aiokafka read header names that are no UTF-8: producers can write them, and they are judged, too."""

from typing import Any, SupportsIndex, overload

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy

HEADERS_SINCE_MAGIC = 2


class _Name(bytes):
    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, "replace")


class _Buffer(bytearray):
    """Whatever is cut out of it decodes."""

    @overload
    def __getitem__(self, key: SupportsIndex) -> int: ...

    @overload
    def __getitem__(self, key: slice) -> Any: ...

    def __getitem__(self, key: SupportsIndex | slice) -> Any:
        found = super().__getitem__(key)
        return _Name(found) if isinstance(key, slice) else found


class TolerantBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # aiokafka is not typed
    """aiokafka's own reader in Python, on a buffer that decodes."""

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer: Any = _Buffer(self._buffer)


class TolerantRecords(_MemoryRecordsPy):  # type: ignore[misc]  # aiokafka is not typed
    """What one fetch brought of one partition. Only what the fast reader cannot read is read slowly."""

    def next_batch(self, *_: Any) -> Any:
        """The next batch, if there is one."""
        raw = self._next_slice
        batch = super().next_batch()
        if raw is None or raw[self.MAGIC_OFFSET] < HEADERS_SINCE_MAGIC:
            return batch
        try:
            for _ in DefaultRecordBatch(raw):
                pass
        except UnicodeDecodeError:
            return TolerantBatch(bytearray(raw))
        return batch


def tolerate() -> None:
    """From now on, for every consumer of this process."""
    fetcher.MemoryRecords = TolerantRecords
