"""Sees to it that no record is skipped: each says from where it was read, and that must be where we are.

Around a rebalance Faust may throw away what was fetched and delivered already. It goes on behind it, and what
is acknowledged there releases what nobody has seen. Offsets do not show it: they have gaps by themselves.
"""

from collections.abc import Mapping
from enum import Enum


class Verdict(Enum):
    """What to do with a record."""

    NEXT = "next"  # nothing is missing before it
    HOLE = "hole"  # something before it is missing: read again from where it should go on
    STALE = "stale"  # that is under way: what comes from before is passed over


class Continuity:
    """Up to where each of our partitions was taken in."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}
        self._seeking: set[int] = set()

    def assigned(self, retained: Mapping[int, int | None]) -> None:
        """All is read again from what is released; of what was retained the position is known."""
        self._seeking.clear()
        self._next = {
            partition: self._next.get(partition, -1) if position is None else position
            for partition, position in retained.items()
        }

    def begin(self, partition: int, released: int) -> None:
        """A partition that was gained is read from there."""
        self._next[partition] = released

    def judge(self, partition: int, begins: int, ends: int) -> Verdict:
        """A record that was read from the position `begins`, and behind which reading goes on at `ends`."""
        expected = self._next.get(partition, -1)
        if begins <= expected:
            self._seeking.discard(partition)
            self._next[partition] = max(expected, ends)
            return Verdict.NEXT
        if partition in self._seeking:
            return Verdict.STALE
        self._seeking.add(partition)
        return Verdict.HOLE

    def next_offset(self, partition: int) -> int | None:
        """Where to go on reading; None: from what is released."""
        return self._next.get(partition)
