"""A bar that appears only once something takes longer than a second."""

from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from rich.progress import Progress

from app.adapters.clock import SystemClock

QUIET_S = 1.0


class QuietBar:
    """Whoever is this starts `_bar` when it is late; it ends with the block."""

    def __init__(self, now: Callable[[], float] = SystemClock.now) -> None:
        self._now: Final = now
        self._began: Final = now()
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    @property
    def _late(self) -> bool:
        return self._now() - self._began >= QUIET_S
