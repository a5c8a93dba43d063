"""Notices when a task has died that the worker cannot do without, so that the worker ends and starts anew."""

import asyncio
from typing import Any


class Lifeline:
    """Watches tasks that never end by themselves; half alive, a worker would hold what it owns forever."""

    def __init__(self) -> None:
        self._broken = asyncio.Event()
        self._cause: BaseException | None = None

    def hold(self, task: "asyncio.Task[Any]") -> "asyncio.Task[Any]":
        """Watch this one: an exception that comes out of it is the end."""
        task.add_done_callback(self._look)
        return task

    def end(self, cause: BaseException) -> None:
        """The worker is to end, of this."""
        self._cause = self._cause or cause
        self._broken.set()

    async def broken(self) -> BaseException:
        """Wait until a watched task has died; returns of what."""
        await self._broken.wait()
        return self._cause or RuntimeError("unknown")

    def _look(self, task: "asyncio.Task[Any]") -> None:
        if task.cancelled() or task.exception() is None:
            return
        self.end(task.exception() or RuntimeError("unknown"))
