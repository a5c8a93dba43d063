"""How long the model call of the current task may take, and whether that time is up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

EARLY_S = 0.005
"""Timers of some event loops go off a little earlier than asked."""
FAIR_S = 10.0
"""A call whose run ended sooner may just have been given little time: that says nothing of who was asked."""
_ENDS: ContextVar[float] = ContextVar("penstock_call_ends", default=float("inf"))


@asynccontextmanager
async def within(seconds: float, run_ends: float) -> AsyncIterator[None]:
    """Raises TimeoutError after so long. The time is up, too, when the run's is, by the loop's clock.

    Unless the run's was nearly over when the call began: else tenants that want their answers at once could
    make a good endpoint look as if it hung, for all.
    """
    now = asyncio.get_running_loop().time()
    ends = now + seconds
    token = _ENDS.set(min(ends, run_ends) if run_ends - now >= FAIR_S else ends)
    try:
        async with asyncio.timeout(seconds):
            yield
    finally:
        _ENDS.reset(token)


def is_up() -> bool:
    """Whether who is cancelled now has waited for as long as it may; else somebody wants no answer."""
    return asyncio.get_running_loop().time() >= _ENDS.get() - EARLY_S
