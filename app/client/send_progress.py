"""The progress of many requests, on a terminal's standard error."""

from types import TracebackType
from typing import Final, Self

from app.terminal.progress import bars


class SendProgress:
    """Two bars: sent and answered. Shows nothing where there is no terminal, or only one request."""

    def __init__(self, total: int, *, answers: bool) -> None:
        self._progress: Final = bars(total)
        self._sent: Final = self._progress.add_task("sent", total=total)
        self._answered = self._progress.add_task("answered", total=total) if answers else None

    def __enter__(self) -> Self:
        self._progress.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.__exit__(kind, error, trace)

    def sent(self) -> None:
        """One more is on Kafka."""
        self._progress.advance(self._sent)

    def answered(self) -> None:
        """One more has its outcome."""
        if self._answered is not None:
            self._progress.advance(self._answered)
