"""Docket: which commands of a partition are dealt with: all up to somewhere, and some beyond it."""

import asyncio
from collections import deque
from typing import Final

from streams.flow import DealtWith

MOST_AT_ONCE = 64  # commands from the first that is under way; more wait, and the note below stays short


class Docket:
    """The commands of one partition during one tenure, in the order of their offsets."""

    def __init__(self) -> None:
        self._under_way: deque[int] = deque()  # the first is not dealt with
        self._done: set[int] = set()
        self._room: Final = asyncio.Event()
        self._room.set()

    async def begin(self, offset: int) -> None:
        """The next command; waits while too many stand behind one that takes its time."""
        await self._room.wait()
        self._under_way.append(offset)
        self._look()

    def finish(self, offset: int) -> DealtWith:
        """It is dealt with, and this is how far all are: to be committed with what it came to."""
        self._done.add(offset)
        position = offset + 1
        while self._under_way and self._under_way[0] in self._done:
            position = max(position, self._under_way[0] + 1)
            self._done.remove(self._under_way.popleft())
        self._look()
        if self._under_way:
            position = self._under_way[0]
        return DealtWith(position, tuple(sorted(self._done)))

    def _look(self) -> None:
        if len(self._under_way) < MOST_AT_ONCE:
            self._room.set()
        else:
            self._room.clear()
