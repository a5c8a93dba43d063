"""One lane per session: its requests run one at a time, in order; all other requests run side by side."""

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """Who runs, who waits for a turn in its session, and who waits for a free slot."""

    __slots__ = ("_ready", "_slots", "_waiting", "held", "running")

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._waiting: dict[Hashable, deque[T]] = {}
        self._ready: deque[T] = deque()
        self.running = 0
        self.held = 0

    def enter(self, session: Hashable | None, item: T) -> None:
        """Take in an item. It is ready at once unless its session has one before it."""
        self.held += 1
        if session is not None:
            lane = self._waiting.get(session)
            if lane is not None:
                lane.append(item)
                return
            self._waiting[session] = deque()
        self._ready.append(item)

    def start(self) -> T | None:
        """The next item to run, if there is one and a slot is free."""
        if not self._ready or self.running >= self._slots:
            return None
        self.running += 1
        return self._ready.popleft()

    def evict(self, session: Hashable | None) -> list[T]:
        """Take out those that wait for the session's present one, in order: they wait elsewhere."""
        lane = self._waiting.get(session) if session is not None else None
        if not lane:
            return []
        evicted = list(lane)
        lane.clear()
        self.held -= len(evicted)
        return evicted

    def leave(self, session: Hashable | None) -> None:
        """A started item is done: its slot is free, and its session's next one is ready."""
        self.held -= 1
        self.running -= 1
        if session is None:
            return
        lane = self._waiting[session]
        if lane:
            self._ready.append(lane.popleft())
        else:
            del self._waiting[session]
