"""Who of one tenant waits for a seat, in the order in which they came."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count

from streams.waiting import Identity, Waiting

SPARE = 64

Rank = tuple[bool, int]


class SeatQueue:
    """What is taken out stays in the heap until it comes up there."""

    __slots__ = ("_heap", "_numbers", "_waiting")

    def __init__(self) -> None:
        self._heap: list[tuple[Rank, int, Waiting]] = []
        self._waiting: dict[Identity, Waiting] = {}
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, waiting: Waiting) -> None:
        """It waits; those that were started already go first."""
        if self._waiting.get(waiting.identity) is waiting:
            return
        self._waiting[waiting.identity] = waiting
        if len(self._heap) > SPARE + 2 * len(self._waiting):
            self._heap = [one for one in self._heap if self._waiting.get(one[2].identity) is one[2]]
            heapify(self._heap)
        heappush(self._heap, ((not waiting.started, waiting.order), next(self._numbers), waiting))

    def pop(self) -> Waiting | None:
        """The first, which waits here no more."""
        while self._heap:
            _, _, first = heappop(self._heap)
            if self._waiting.get(first.identity) is first:
                del self._waiting[first.identity]
                return first
        return None

    def first(self) -> Waiting | None:
        """Who is next, and waits on."""
        while self._heap and self._waiting.get(self._heap[0][2].identity) is not self._heap[0][2]:
            heappop(self._heap)
        return self._heap[0][2] if self._heap else None

    def remove(self, waiting: Waiting) -> None:
        """It waits no more, if it did."""
        self._waiting.pop(waiting.identity, None)

    def keep(self, wanted: Callable[[Waiting], bool]) -> None:
        """Only these wait on."""
        self._waiting = {name: one for name, one in self._waiting.items() if wanted(one)}
