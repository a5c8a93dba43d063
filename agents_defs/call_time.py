"""How long the model call of the current task may take, and whether that time is up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

EARLY_S = 0.005
"""Timers of some event loops go off a little earlier than asked."""
_ENDS: ContextVar[float] = ContextVar("penstock_call_ends", default=float("inf"))


@asynccontextmanager
async def within(seconds: float, run_ends: float) -> AsyncIterator[None]:
    """Raises TimeoutError after so long. The time is up, too, when the run's is, by the loop's clock."""
    token = _ENDS.set(min(asyncio.get_running_loop().time() + seconds, run_ends))
    try:
        async with asyncio.timeout(seconds):
            yield
    finally:
        _ENDS.reset(token)


def is_up() -> bool:
    """Whether who is cancelled now has waited for as long as it may; else somebody wants no answer."""
    return asyncio.get_running_loop().time() >= _ENDS.get() - EARLY_S
