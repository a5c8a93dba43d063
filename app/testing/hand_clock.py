"""A clock that moves only when it is told to; its two times have nothing to do with each other."""

from datetime import UTC, datetime, timedelta

START = 7_000.0
START_AT = datetime(2031, 5, 4, 3, 2, 1, tzinfo=UTC)


class HandClock:
    """Monotonic seconds near 7,000 while the calendar says 2031: whoever mixes them up is found out."""

    def __init__(self) -> None:
        self._passed = 0.0
        self._shifted = timedelta(0)

    def now(self) -> float:
        """Monotonic seconds."""
        return START + self._passed

    def at(self) -> datetime:
        """UTC."""
        return START_AT + timedelta(seconds=self._passed) + self._shifted

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._passed += seconds

    def set_calendar(self, shift: timedelta) -> None:
        """Somebody sets the wall clock; no time passes."""
        self._shifted += shift
