"""The bar of things that are done, once that takes longer than a second."""

from collections.abc import Callable
from typing import Final

from app.adapters.clock import SystemClock
from app.operators.done_bar import done_bar
from app.operators.quiet_bar import QuietBar


class SlowBar(QuietBar):
    """Nothing is shown of what is quick, nor where there is no terminal."""

    def __init__(self, what: str, total: int, now: Callable[[], float] = SystemClock.now) -> None:
        super().__init__(now)
        self._what: Final = what
        self._total: Final = total
        self._done = 0

    @property
    def shown(self) -> bool:
        """Whether it took so long."""
        return self._bar is not None

    def add(self, count: int) -> None:
        """So many more are done."""
        self._done += count
        if self._bar is None and self._late:
            self._bar, _ = done_bar(self._what, self._total)
            self._bar.start()
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._done)
