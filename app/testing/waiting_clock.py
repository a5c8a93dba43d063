"""A clock that tests move by hand, with those who wait for it."""

import asyncio

from agents_defs.run_scope import SCOPE
from app.testing.hand_clock import HandClock


class WaitingClock(HandClock):
    """Whoever sleeps by it wakes up when a test advances it."""

    def __init__(self) -> None:
        super().__init__()
        self._sleepers: list[tuple[float, str, asyncio.Future[None]]] = []

    @property
    def asleep(self) -> set[str]:
        """The requests whose runs wait for the time."""
        return {request_id for _, request_id, woken in self._sleepers if not woken.done()}

    async def sleep(self, seconds: float) -> None:
        """Until so much time has passed by this clock."""
        scope, woken = SCOPE.get(), asyncio.get_running_loop().create_future()
        sleeper = (self.now() + seconds, scope.run.order.request_id if scope else "", woken)
        self._sleepers.append(sleeper)
        try:
            await woken
        finally:
            self._sleepers.remove(sleeper)

    def advance(self, seconds: float) -> None:
        """Let time pass, and wake up those whose time has come."""
        super().advance(seconds)
        for due, _, woken in self._sleepers:
            if due <= self.now() and not woken.done():
                woken.set_result(None)
