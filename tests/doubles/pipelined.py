"""Lines to a Redis that answers each pipeline when it is told to."""

import asyncio
from collections.abc import Callable
from typing import Any

from redis.exceptions import NoScriptError

Command = tuple[Any, ...]


class Pipelined:
    """Each script replies its arguments (in a list, for Redis replies one to a joined call)."""

    def __init__(self) -> None:
        self.pipelines: list[list[Command]] = []
        self.loaded: set[str] | None = None  # None: it knows all
        self.failing: Exception | None = None
        self.reply: Callable[[list[Any]], Any] = lambda args: args
        self._open = asyncio.Event()
        self._open.set()

    def hold(self) -> None:
        """Answer nothing until `let_go`."""
        self._open.clear()

    def let_go(self) -> None:
        """Answer."""
        self._open.set()

    async def exchange(self, commands: list[Command]) -> list[Any]:
        """What a pipeline comes to."""
        self.pipelines.append(commands)
        await self._open.wait()
        if self.failing is not None:
            raise self.failing
        return [self._one(*command) for command in commands]

    def _one(self, name: str, script: str, count: int, *rest: Any) -> Any:
        if name == "EVALSHA" and self.loaded is not None and script not in self.loaded:
            return NoScriptError("NOSCRIPT")
        return self.reply(list(rest[count:]))
