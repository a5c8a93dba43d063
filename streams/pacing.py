"""Holds back new runs while the event loop is behind, so that what has to wait waits in the lanes.

Where all slots are taken by runs that wait for the processor, not for a model, each step of a request has
its turn behind all of them, and nobody's share or priority counts. In the lanes both do.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

LATE_S: Final = 0.02  # a turn of the loop that takes longer is one too many
TICK_S: Final = 0.005
EACH_TICK: Final = 8  # runs that may begin in one: more at once would be late together
ALWAYS: Final = 4  # runs that go on whatever the loop says

GoOn = Callable[[], None]


class Pace(Protocol):
    """How many runs may begin now."""

    def allows(self, running: int) -> bool:
        """One more, beside so many."""
        ...

    def began(self, go_on: GoOn) -> None:
        """One did. `go_on` is called when more may be allowed than before."""
        ...


class Unpaced:
    """Any number, at any time."""

    def allows(self, _running: int) -> bool:
        """Yes."""
        return True

    def began(self, go_on: GoOn) -> None:
        """Nothing follows from it."""


class LoopPace:
    """By how late the loop is, which is looked at from when a run begins until it has kept up."""

    def __init__(self) -> None:
        self._left = EACH_TICK
        self._go_on: GoOn | None = None
        self._due = 0.0

    def allows(self, running: int) -> bool:
        """While the loop keeps up; a few always."""
        return self._left > 0 or running < ALWAYS

    def began(self, go_on: GoOn) -> None:
        """Count it."""
        self._left -= 1
        if self._go_on is None:
            self._go_on = go_on
            self._look_again(asyncio.get_running_loop())

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + TICK_S
        loop.call_at(self._due, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        go_on, self._go_on = self._go_on, None
        if loop.time() - self._due < LATE_S:
            self._left = EACH_TICK
            if go_on is not None:
                go_on()  # whoever begins has the loop looked at again
        elif go_on is not None:
            self._go_on = go_on
            self._look_again(loop)
