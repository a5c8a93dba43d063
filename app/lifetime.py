"""When to stop: on SIGTERM, on Ctrl-C, and (for a child process) when the parent is gone."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def run(main: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Run a command's coroutine on the fastest event loop there is; returns what it returns."""
    with asyncio.Runner(loop_factory=_fastest_loop) as runner:
        return runner.run(main())


def _fastest_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # it has no build for this platform
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


async def stop_event(tethered: bool = False) -> asyncio.Event:
    """An event that is set when it is time to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if tethered:
        await loop.connect_read_pipe(lambda: _EndOfInput(stop), sys.stdin)
    return stop


class _EndOfInput(asyncio.Protocol):
    """Standard input is a pipe that the parent holds: its end is the parent's end."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop

    def connection_lost(self, exc: Exception | None) -> None:
        """The parent is gone."""
        self._stop.set()
