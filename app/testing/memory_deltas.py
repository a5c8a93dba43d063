"""A delta sink in memory."""

import asyncio
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from streams.deltas import DeltaFeed


class MemoryDeltas:
    """Publishes at once, so that a test sees what was said so far."""

    def __init__(self, at: Callable[[], datetime]) -> None:
        self._at = at
        self.published: list[dict[str, Any]] = []
        self._gate = asyncio.Event()
        self._gate.set()

    def hold(self) -> None:
        """Settle no feed until `let_go`."""
        self._gate.clear()

    def let_go(self) -> None:
        """Settle again."""
        self._gate.set()

    def touch(self, feed: DeltaFeed) -> None:
        """The feed has something new."""
        self.published += [json.loads(value) for value in feed.collect(self._at())]
        feed.published()

    async def settle(self, feed: DeltaFeed) -> None:
        """Publish what is left of the feed."""
        await self._gate.wait()
        self.touch(feed)
