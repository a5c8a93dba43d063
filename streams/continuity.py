"""Sees to it that no record is skipped: each names the one before it, as it was fetched.

Around a rebalance Faust may throw away what was fetched and delivered already. It goes on behind it, and what
is acknowledged there releases what nobody has seen. Offsets do not show it: they have gaps by themselves.
"""

from enum import Enum


class Verdict(Enum):
    """What to do with a record."""

    NEXT = "next"  # it follows what was taken in last
    HOLE = "hole"  # something before it is missing: read again from where it should go on
    STALE = "stale"  # that is under way: what comes from before is passed over


class Continuity:
    """The partitions of one assignment."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}  # the record that was taken in last, by partition
        self._seeking: set[int] = set()

    def restart(self) -> None:
        """A new assignment: everything is read again from what is released."""
        self._last.clear()
        self._seeking.clear()

    def judge(self, partition: int, offset: int, follows: int | None) -> Verdict:
        """`follows`: the record fetched before it; None right behind a seek, which skips nothing."""
        if follows is None or follows == self._last.get(partition, -1):
            self._seeking.discard(partition)
            self._last[partition] = offset
            return Verdict.NEXT
        if partition in self._seeking:
            return Verdict.STALE
        self._seeking.add(partition)
        return Verdict.HOLE

    def next_offset(self, partition: int) -> int | None:
        """Where to go on reading; None: from what is released."""
        last = self._last.get(partition)
        return None if last is None else last + 1
