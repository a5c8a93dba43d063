"""Says on a terminal how much of a topic was read, once that takes longer than a second."""

from collections.abc import Callable
from typing import Final

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.adapters.clock import SystemClock
from app.operators.quiet_bar import QuietBar
from app.terminal import screen


class ReadProgress(QuietBar):
    """A bar on standard error. Shows nothing where there is no terminal."""

    def __init__(self, topic: str, now: Callable[[], float] = SystemClock.now) -> None:
        super().__init__(now)
        self._topic: Final = topic
        self._console: Final = screen.err()
        self._records = 0

    def add(self, records: int, share: float) -> None:
        """So many more were read; with them this share of all."""
        self._records += records
        if not self._console.is_terminal or not self._late:
            return
        if self._bar is None:
            self._bar = self._started()
        self._bar.update(self._bar.task_ids[0], completed=share, description=self.line)

    @property
    def line(self) -> str:
        """What stands before the bar."""
        return f"reading {self._topic}: {self._records:,} records"

    def _started(self) -> Progress:
        bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        bar.add_task(self.line, total=1.0)
        bar.start()
        return bar
