"""One partition: its log in memory, its producers' sequences and its open transactions."""

import asyncio
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field

from app.brokers.node import batches
from app.brokers.node.batches import Batch
from app.brokers.node.refusals import Code, Refused

BATCHES_REMEMBERED = 5  # as many as an idempotent producer may have in flight


@dataclass(slots=True)
class ProducerState:
    """What one producer wrote last, to know duplicates and gaps."""

    epoch: int
    recent: deque[Batch] = field(default_factory=lambda: deque(maxlen=BATCHES_REMEMBERED))


@dataclass(frozen=True, slots=True)
class Aborted:
    """Where the records of one aborted transaction lie."""

    producer_id: int
    first_offset: int
    last_offset: int


@dataclass(frozen=True, slots=True)
class Slice:
    """What a fetch gets from one partition."""

    data: bytes
    end: int
    stable_end: int
    aborted: tuple[Aborted, ...] = ()


class Partition:
    """An append-only log that starts at 0 and forgets nothing but by `forget_before`."""

    def __init__(self, max_batch_bytes: int) -> None:
        self.start = 0
        self.end = 0
        self.max_batch_bytes = max_batch_bytes
        self._batches: list[Batch] = []
        self._producers: dict[int, ProducerState] = {}
        self._open: dict[int, int] = {}  # producer id -> first offset of its open transaction
        self._aborted: list[Aborted] = []
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def stable_end(self) -> int:
        """The end that read_committed readers see: nothing from here on is certain yet."""
        return min(self._open.values(), default=self.end)

    def append(self, batch: Batch) -> int:
        """Store a batch, and return the offset of its first record; a duplicate gets the offset it had."""
        if len(batch.raw) > self.max_batch_bytes:
            raise Refused(Code.MESSAGE_TOO_LARGE)
        if batch.producer_id != batches.NO_PRODUCER:
            duplicate = self._check_sequence(batch)
            if duplicate:
                return duplicate.base_offset
        stored = self._store(batch)
        if batch.producer_id != batches.NO_PRODUCER:
            self._producers[batch.producer_id].recent.append(stored)
            if batch.transactional:
                self._open.setdefault(batch.producer_id, stored.base_offset)
        return stored.base_offset

    def end_transaction(self, producer_id: int, epoch: int, *, commit: bool, timestamp: int) -> None:
        """Write the marker after which the transaction's records are seen, or never will be."""
        first = self._open.pop(producer_id, None)
        stored = self._store(batches.marker(producer_id, epoch, commit=commit, timestamp=timestamp))
        if first is not None and not commit:
            self._aborted.append(Aborted(producer_id, first, stored.last_offset))
        self._known(producer_id, epoch)

    def read(self, offset: int, max_bytes: int, *, committed: bool) -> Slice:
        """Whole batches from the one that holds this offset on, at least one if there is any."""
        if not self.start <= offset <= self.end:
            raise Refused(Code.OFFSET_OUT_OF_RANGE)
        limit = self.stable_end if committed else self.end
        taken: list[Batch] = []
        size = 0
        for index in range(self._index_of(offset), len(self._batches)):
            batch = self._batches[index]
            if batch.base_offset >= limit or (taken and size + len(batch.raw) > max_bytes):
                break
            taken.append(batch)
            size += len(batch.raw)
        data = b"".join(batch.raw for batch in taken)
        return Slice(data, self.end, self.stable_end, self._aborted_within(taken) if committed else ())

    def first_at(self, timestamp: int) -> tuple[int, int] | None:
        """Timestamp and offset of the first record that is not older; None when all are."""
        for batch in self._batches:
            if batch.max_timestamp >= timestamp:
                return batches.first_record_at(batch, timestamp)
        return None

    def forget_before(self, offset: int) -> int:
        """Drop what lies before an offset (-1: everything), and return where the log now starts."""
        if offset > self.end:
            raise Refused(Code.OFFSET_OUT_OF_RANGE)
        self.start = max(self.start, self.end if offset < 0 else offset)
        del self._batches[: self._index_of(self.start)]
        return self.start

    def on_append(self, arrived: "asyncio.Future[None]") -> None:
        """Resolve this future at the next append."""
        self._waiting.add(arrived)
        arrived.add_done_callback(self._waiting.discard)

    def _store(self, batch: Batch) -> Batch:
        stored = batch.at(self.end)
        self._batches.append(stored)
        self.end = stored.last_offset + 1
        for arrived in tuple(self._waiting):
            if not arrived.done():
                arrived.set_result(None)
        return stored

    def _index_of(self, offset: int) -> int:
        return bisect_left(self._batches, offset, key=lambda batch: batch.last_offset)

    def _aborted_within(self, taken: list[Batch]) -> tuple[Aborted, ...]:
        if not taken:
            return ()
        first, last = taken[0].base_offset, taken[-1].last_offset
        return tuple(
            gone for gone in self._aborted if gone.last_offset >= first and gone.first_offset <= last
        )

    def _known(self, producer_id: int, epoch: int) -> ProducerState:
        state = self._producers.setdefault(producer_id, ProducerState(epoch))
        if epoch > state.epoch:
            state = self._producers[producer_id] = ProducerState(epoch)
        return state

    def _check_sequence(self, batch: Batch) -> Batch | None:
        state = self._known(batch.producer_id, batch.producer_epoch)
        if batch.producer_epoch < state.epoch:
            raise Refused(Code.INVALID_PRODUCER_EPOCH)
        if not state.recent:
            return None
        for earlier in state.recent:
            if (batch.base_sequence, batch.last_sequence) == (earlier.base_sequence, earlier.last_sequence):
                return earlier
        if batch.base_sequence != (state.recent[-1].last_sequence + 1) & 0x7FFFFFFF:
            raise Refused(Code.OUT_OF_ORDER_SEQUENCE)
        return None
