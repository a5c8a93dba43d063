"""Releases offsets strictly in order: one is acknowledged only when all before it are durable.

Faust commits past an unacknowledged head when later messages are acknowledged first, and a crash then
loses the head. So nothing but this file acknowledges, and it does so from the head of each partition only.
"""

from collections import deque
from collections.abc import Callable, Collection
from typing import Final


class Ticket:
    """One record that was read, until its offset is released."""

    __slots__ = ("ack", "done", "line", "offset")

    def __init__(self, line: "Line", offset: int, ack: Callable[[], object]) -> None:
        self.line: Final = line
        self.offset: Final = offset
        self.ack: Callable[[], object] | None = ack
        self.done = False


class Line:
    """The tickets of one partition during one assignment, in the order of arrival."""

    __slots__ = ("by_offset", "closed", "partition", "tickets")

    def __init__(self, partition: int) -> None:
        self.partition: Final = partition
        self.by_offset: Final[dict[int, Ticket]] = {}
        self.tickets: deque[Ticket] = deque()
        self.closed = False


class Tracker:
    """The lines of all partitions that this worker owns."""

    __slots__ = ("_lines", "_next")

    def __init__(self) -> None:
        self._lines: dict[int, Line] = {}
        self._next: dict[int, int] = {}

    def add(self, partition: int, offset: int, ack: Callable[[], object]) -> Ticket:
        """Take in a record that was just read; `ack` is called when its turn has come."""
        line = self._lines.get(partition)
        if line is None:
            line = self._lines[partition] = Line(partition)
        known = line.by_offset.get(offset)
        if known is not None:  # read again within the assignment: it stands in the line already
            known.ack = ack
            return known
        ticket = line.by_offset[offset] = Ticket(line, offset, ack)
        line.tickets.append(ticket)
        return ticket

    def release(self, ticket: Ticket) -> None:
        """The record's outcome is durable. A ticket of a past assignment acknowledges nothing."""
        ticket.done = True
        line = ticket.line
        if line.closed:
            return
        tickets = line.tickets
        while tickets and tickets[0].done:
            head = tickets.popleft()
            del line.by_offset[head.offset]
            self._next[line.partition] = max(head.offset + 1, self._next.get(line.partition, 0))
            ack, head.ack = head.ack, None
            if ack is not None:
                ack()

    def position(self, partition: int) -> int | None:
        """The first offset that is not released yet; None before anything was read."""
        line = self._lines.get(partition)
        if line is not None and line.tickets:
            return line.tickets[0].offset
        return self._next.get(partition)

    def reset(self, retained: Collection[int] = ()) -> None:
        """A new assignment: all partitions are delivered again from what was committed.

        The position of a retained one still holds, for nobody else has read it meanwhile.
        """
        self._next = {
            partition: position
            for partition in retained
            if (position := self.position(partition)) is not None
        }
        for line in self._lines.values():
            line.closed = True
            line.tickets.clear()
        self._lines.clear()

    def unreleased(self) -> int:
        """How many records were read and are not released."""
        return sum(len(line.tickets) for line in self._lines.values())
