"""How often Faust's stream lets others have their turn: not before each record, but every few of them.

Otherwise all that a record sets off begins before the next one is read, and nothing is done in batches.
"""

import asyncio
from collections.abc import Awaitable, Generator
from typing import Any, Final

RECORDS_PER_TURN = 32


class AtOnce:
    """What need not be waited for."""

    def __await__(self) -> Generator[Any, Any, None]:
        return
        yield


class Pace:
    """Stands in for `asyncio.sleep`, where that is called with 0 before each record."""

    def __init__(self, records_per_turn: int = RECORDS_PER_TURN) -> None:
        self._records_per_turn: Final = records_per_turn
        self._left = records_per_turn

    def __call__(self, delay_s: float) -> Awaitable[None]:
        """Others have their turn only every so many times; whoever finds no record waits for one anyway."""
        self._left -= 1
        if self._left > 0:
            return AT_ONCE
        self._left = self._records_per_turn
        return asyncio.sleep(delay_s)


AT_ONCE: Final = AtOnce()


def install() -> None:
    """Have the streams of this process keep this pace."""
    from faust._cython import streams

    streams.sleep = Pace()
