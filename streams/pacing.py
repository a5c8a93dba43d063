"""Holds back new runs while the event loop is behind, so that what has to wait waits in the lanes.

Where all slots are taken by runs that wait for the processor, not for a model, each step of a request has
its turn behind all of them, and nobody's share or priority counts. In the lanes both do.

How many runs the loop keeps up with depends on what they do, so it is found out: a little more as long as
each turn of the loop comes in time, less when one is late. What is in time depends on who is there: turns
may be long, and much done in each, while all have more to do than there is time; they are short while
somebody who asks for little is served beside others who would take everything.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

LATE_S: Final = 0.02  # a turn of the loop that takes longer is one too many
PROMPT_S: Final = 0.003  # the same, where somebody asks for little beside others
SERVED_S: Final = 1.0  # so long after it was served that one is still there
TICK_S: Final = 0.005
GROWS: Final = 1.0  # per second, of what runs; fast enough to find all slots, slow enough to see what follows
SHRINKS: Final = 2.0
EACH_LOOK: Final = 8  # runs that may begin between two looks: more at once would be late together
ALWAYS: Final = 4  # runs that go on whatever the loop says
ALWAYS_PER_S: Final = 16.0  # and so many begin: where something else makes it late, fewer runs do not help

GoOn = Callable[[], None]


class Pace(Protocol):
    """How many runs may begin now."""

    def allows(self, running: int) -> bool:
        """One more, beside so many."""
        ...

    def began(self, go_on: GoOn, *, prompt: bool) -> None:
        """One did; `prompt`: of somebody who asks for little beside others.

        `go_on` is called when more may be allowed than before.
        """
        ...


class Unpaced:
    """Any number, at any time."""

    def allows(self, _running: int) -> bool:
        """Yes."""
        return True

    def began(self, go_on: GoOn, *, prompt: bool) -> None:
        """Nothing follows from it."""


class LoopPace:
    """By how late the loop is, which is looked at from when a run begins, as long as others are held back."""

    def __init__(self, most: int) -> None:
        self._most: Final = float(most)
        self._limit = float(most)
        self._left = EACH_LOOK
        self._sure = 0.0  # runs that may begin whatever the loop says, since so many seconds have passed
        self._on_that = False
        self._running = 0
        self._held_back = False
        self._prompt_until = 0.0
        self._go_on: GoOn | None = None
        self._due: float | None = None

    def allows(self, running: int) -> bool:
        """While fewer run than the loop keeps up with; a few always."""
        self._running, self._on_that = running, False
        if running < ALWAYS or (running < self._limit and self._left > 0):
            return True
        if running >= self._most:
            return False  # whoever ends makes room, not the loop
        if self._sure >= 1:
            self._on_that = True
            return True
        self._held_back = True
        if self._due is None:
            self._look_again(asyncio.get_running_loop())
        return False

    def began(self, go_on: GoOn, *, prompt: bool) -> None:
        """Look how the loop keeps up with it."""
        self._go_on = go_on
        self._left -= 1
        if self._on_that:
            self._sure -= 1
        if prompt or self._due is None:
            loop = asyncio.get_running_loop()
            if prompt:
                self._prompt_until = loop.time() + SERVED_S
            if self._due is None:
                self._look_again(loop)

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + TICK_S
        loop.call_at(self._due, self._look, loop, self._due)

    def _look(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        now = loop.time()
        self._due, self._left = None, EACH_LOOK
        held_back, self._held_back = self._held_back, False
        passed = now - due + TICK_S
        self._sure = min(float(ALWAYS), self._sure + ALWAYS_PER_S * passed)
        if now - due > (PROMPT_S if now < self._prompt_until else LATE_S):
            self._limit = max(ALWAYS, min(self._limit, self._running) * max(0.5, 1 - SHRINKS * passed))
        elif held_back:
            self._limit = min(self._most, self._limit * (1 + GROWS * passed))
        if held_back and self._go_on is not None:
            self._go_on()  # whoever begins, or is held back, has the loop looked at again
