"""The Faust table of the windows: recovered by Faust, written to the changelog by us.

What Faust does otherwise and why not here: its changelog records are sent without waiting, by a producer that
is not idempotent; their partition is that of whatever event is current; and on recovery the last record of a
key wins, whoever wrote it. Here the bookkeeper sends them and waits; a key's partition is its tenant's; and a
record of an earlier owner that woke up too late is told by the epoch in its header.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import faust
from faust.types import TP

from streams.book_values import partition_of
from streams.flow import Emission
from streams.ports import Clock
from streams.tables import Table

EPOCH_HEADER = "epoch"


class WindowsTable(faust.Table[bytes, bytes]):
    """One value per tenant and one per partition. `epoch` grows with each assignment."""

    def __init__(self, app: Any, table: Table, changelog: str, partitions: int, clock: Clock) -> None:
        super().__init__(
            app,
            name=table.name,
            key_type=bytes,
            value_type=bytes,
            partitions=partitions,
            store="memory://",
            help=table.value,
            beacon=app.tables.beacon,
        )
        self._changelog_name = changelog
        self._partition_count = partitions
        self._clock = clock
        self._unsent: list[Emission] = []
        self._highest: dict[int, int] = {}  # epoch seen, by partition
        self._headers: list[tuple[str, bytes]] = []

    # -- the shelf

    def contents(self) -> Mapping[bytes, bytes]:
        """What is in the table."""
        return self.data

    def put(self, key: bytes, value: bytes) -> None:
        """Set a value."""
        self[key] = value

    def drop(self, key: bytes) -> None:
        """Delete a key."""
        del self[key]

    def unsent(self) -> list[Emission]:
        """The changelog records since the last call, in order."""
        unsent, self._unsent = self._unsent, []
        return unsent

    def begin_epoch(self) -> None:
        """From now on we write as the owner: later than whoever wrote before, by the clock or by one."""
        now_ms = int(self._clock.at().timestamp() * 1000)
        epoch = max([now_ms, *(highest + 1 for highest in self._highest.values())])
        self._headers = [(EPOCH_HEADER, str(epoch).encode())]

    # -- what Faust calls

    def on_key_set(self, key: bytes, value: bytes) -> None:
        """A value is set: its changelog record waits to be sent."""
        self._record(key, value)

    def on_key_del(self, key: bytes) -> None:
        """A key is deleted: a tombstone."""
        self._record(key, None)

    def partition_for_key(self, key: bytes) -> int:
        """The tenant's own partition."""
        return partition_of(key, self._partition_count)

    def apply_changelog_batch(self, batch: Iterable[Any]) -> None:
        """Recovery: a record of a lower epoch than one before it is a zombie's."""
        super().apply_changelog_batch([event for event in batch if self._is_owners(event.message)])

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Forget what is not ours any more, or is about to be read anew."""
        fresh = {tp.partition for tp in revoked | newly_assigned if tp.topic == self._changelog_name}
        for key in [key for key in self.data if self.partition_for_key(key) in fresh]:
            self.data.pop(key, None)
        for partition in fresh:
            self._highest.pop(partition, None)
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)

    def _record(self, key: bytes, value: bytes | None) -> None:
        self._unsent.append(
            Emission(self._changelog_name, self.partition_for_key(key), key, value, self._headers)
        )

    def _is_owners(self, message: Any) -> bool:
        epoch = next((int(value) for name, value in message.headers or () if name == EPOCH_HEADER), 0)
        if epoch < self._highest.get(message.partition, 0):
            return False
        self._highest[message.partition] = epoch
        return True
