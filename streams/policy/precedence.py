"""Who of one tenant goes first: in order of arrival within a class of priority, by age between the classes.

Priority is a head start: a request counts as if it had come `AGEING_S` seconds later for each class below
interactive. So its class rises while it waits, and none that comes later than that goes before it.
"""

from collections.abc import Mapping
from heapq import heappop, heappush
from typing import Final, Generic, TypeVar

from schemas.requests import Priority

T = TypeVar("T")

AGEING_S = 30.0
CLASSES: Final[Mapping[Priority, int]] = {Priority.INTERACTIVE: 0, Priority.STANDARD: 1, Priority.BATCH: 2}


class Precedence(Generic[T]):
    """A queue for each class. Whose `order` is lower came first, whatever clock was looked at."""

    __slots__ = ("_number", "_queues")

    def __init__(self) -> None:
        self._queues: dict[int, list[tuple[int, int, float, T]]] = {}
        self._number = 0

    def __bool__(self) -> bool:
        return bool(self._queues)

    def put(self, priority: Priority, order: int, since: float, item: T) -> None:
        """It waits."""
        rank = CLASSES[priority]
        self._number += 1
        counts_from = since + rank * AGEING_S
        heappush(self._queues.setdefault(rank, []), (order, self._number, counts_from, item))

    @property
    def rank(self) -> int:
        """The class of the first one."""
        queues = self._queues
        if len(queues) == 1:
            return next(iter(queues))
        return min(queues, key=lambda rank: (queues[rank][0][2], rank))

    def first(self) -> T:
        """Who goes first; there must be one."""
        return self._queues[self.rank][0][3]

    def pop(self) -> T:
        """Take it out."""
        rank = self.rank
        queue = self._queues[rank]
        item = heappop(queue)[3]
        if not queue:
            del self._queues[rank]
        return item
