"""When what is due: any number of keys, each with one time."""

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

MOST_STALE = 1.0  # of the heap, beside as many that count: then it is built anew


class Timetable(Generic[K]):
    """A heap whose changed and removed entries are left in it until their time, or until they are half."""

    __slots__ = ("_due", "_heap", "_number")

    def __init__(self) -> None:
        self._due: dict[K, tuple[float, int]] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._number = 0

    def __len__(self) -> int:
        return len(self._due)

    def set(self, key: K, due: float) -> None:
        """From now on this is when it is due."""
        self._number += 1
        self._due[key] = (due, self._number)
        heapq.heappush(self._heap, (due, self._number, key))
        if len(self._heap) > 64 + (1 + MOST_STALE) * len(self._due):
            self._heap = [(at, number, one) for one, (at, number) in self._due.items()]
            heapq.heapify(self._heap)

    def remove(self, key: K) -> None:
        """It is due no more."""
        self._due.pop(key, None)

    def next(self) -> float | None:
        """When the next one is due."""
        self._prune()
        return self._heap[0][0] if self._heap else None

    def take(self, now: float, most: int) -> list[K]:
        """Remove and return what is due, earliest first."""
        taken: list[K] = []
        while len(taken) < most:
            self._prune()
            if not self._heap or self._heap[0][0] > now:
                break
            _, _, key = heapq.heappop(self._heap)
            del self._due[key]
            taken.append(key)
        return taken

    def _prune(self) -> None:
        heap = self._heap
        while heap and self._due.get(heap[0][2]) != (heap[0][0], heap[0][1]):
            heapq.heappop(heap)
