"""Notices when something keeps the event loop, and so all runs and the connection to the group, waiting."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from streams.observations import HeldUp, Observer
from streams.ports import Clock

LOOK_S: Final = 0.25
TOLD_S: Final = 1.0


async def watch(
    clock: Clock, observer: Observer, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
) -> None:
    """As long as the worker lives."""
    while True:
        before = clock.now()
        await sleep(LOOK_S)
        late_s = clock.now() - before - LOOK_S
        if late_s >= TOLD_S:
            observer.observe(HeldUp(late_s))
