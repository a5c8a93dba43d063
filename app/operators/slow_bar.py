"""The bar of things that are done, once that takes longer than a second."""

from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from rich.progress import Progress

from app.adapters.clock import SystemClock
from app.operators.done_bar import done_bar

QUIET_S = 1.0


class SlowBar:
    """Nothing is shown of what is quick, nor where there is no terminal."""

    def __init__(self, what: str, total: int, now: Callable[[], float] = SystemClock.now) -> None:
        self._what: Final = what
        self._total: Final = total
        self._now: Final = now
        self._began: Final = now()
        self._done = 0
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    @property
    def shown(self) -> bool:
        """Whether it took so long."""
        return self._bar is not None

    def add(self, count: int) -> None:
        """So many more are done."""
        self._done += count
        if self._bar is None and self._now() - self._began >= QUIET_S:
            self._bar, _ = done_bar(self._what, self._total)
            self._bar.start()
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._done)
