"""The requests that wait, as the compacted parked topic tells: the latest record of each key. No I/O."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from app.client.record_filter import Raw
from app.operators.skipped import Skipped
from streams.parked import Parked, PendingApproval, decode_parked, identity_of

Key = tuple[int, bytes | None]  # partition, and what the records of one request have in common


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits. Its bytes are kept only where they are asked for."""

    parked: Parked
    partition: int
    offset: int
    written_at: datetime
    size: int  # of the request, in bytes

    @property
    def asked_at(self) -> datetime:
        """When its run stopped to ask: the decisions of some of its calls are written later."""
        return self.parked.spans[-1][1] if self.parked.spans else self.written_at

    @property
    def open_approvals(self) -> Sequence[PendingApproval]:
        """The calls that nobody decided about yet."""
        return tuple(one for one in self.parked.approvals if one.approved is None)


@dataclass(slots=True)
class WaitingBook:
    """Keeps the latest of each key, where it is wanted."""

    wanted: Callable[[Parked], bool]
    with_bytes: bool = False
    _rows: dict[Key, Waiting] = field(default_factory=dict)
    _unreadable: dict[Key, Raw] = field(default_factory=dict)

    def add(self, record: Raw) -> None:
        """The records of a partition come in order; also before one that cannot be read all is old."""
        key = (record.partition, record.key)
        self._rows.pop(key, None)
        self._unreadable.pop(key, None)
        if record.value is None:
            return
        try:
            parked = decode_parked(record.value)
            identity_of(record.key or b"")
        except ValueError:
            self._unreadable[key] = replace(record, value=None, headers=())
            return
        if self.wanted(parked):
            self._rows[key] = self._row(record, parked)

    @property
    def skipped(self) -> Skipped:
        """What cannot be read, and waits on."""
        skipped = Skipped()
        for record in self._unreadable.values():
            skipped.add(record)
        return skipped

    def add_all(self, records: Iterable[Raw]) -> None:
        """A batch."""
        for record in records:
            self.add(record)

    def rows(self) -> Sequence[Waiting]:
        """The one that waits longest first."""
        return sorted(self._rows.values(), key=lambda row: (row.parked.received_at, row.parked.identity))

    def _row(self, record: Raw, parked: Parked) -> Waiting:
        size = len(parked.record.value or b"")
        if not self.with_bytes:
            parked = replace(parked, record=replace(parked.record, value=None, headers=()))
        at = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
        return Waiting(parked, record.partition, record.offset, at, size)
