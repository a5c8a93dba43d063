"""Says on a terminal how much of a topic was read, once that takes longer than a second."""

from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from rich.status import Status

from app.adapters.clock import SystemClock
from app.terminal import screen

QUIET_S = 1.0


class ReadProgress:
    """Shows nothing where there is no terminal."""

    def __init__(self, topic: str, now: Callable[[], float] = SystemClock.now) -> None:
        self._topic: Final = topic
        self._now: Final = now
        self._began: Final = now()
        self._console: Final = screen.err()
        self._records = 0
        self._status: Status | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def add(self, records: int) -> None:
        """So many more were read."""
        self._records += records
        if not self._console.is_terminal or self._now() - self._began < QUIET_S:
            return
        said = f"reading {self._topic}: {self._records:,} records"
        if self._status is None:
            self._status = self._console.status(said)
            self._status.start()
        else:
            self._status.update(said)
