"""What one run may still write down, and what has stopped it: once stopped, it stays so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from agents_defs.current_scope import CURRENT
from agents_defs.journal_entries import open_calls
from agents_defs.run_journal import RunNeedsApproval, RunWaits

if TYPE_CHECKING:
    from agents_defs.run_journal import RunJournal

E = TypeVar("E", bound=Exception)


class RunRecord:
    """Stands between a run and its journal.

    The SDK turns most exceptions that a tool raises into what the model is told. So what stops a run is kept
    here, raised by all that the run does next, and once more when it ends.
    """

    __slots__ = ("_halted", "_journal", "_open", "stopped")

    def __init__(self, journal: RunJournal | None) -> None:
        self._journal = journal
        self._open = open_calls(journal.entries) if journal is not None else {}
        self._halted: set[str] = set()  # the parts of the run that were told so
        self.stopped: Exception | None = None

    @property
    def kept(self) -> bool:
        """Whether there is a journal at all."""
        return self._journal is not None

    def stop(self, error: E) -> E:
        """Notes why the run may not go on; the first reason stands. Gives back what to raise."""
        stopped = self.stopped
        self._note_part()
        if isinstance(stopped, RunNeedsApproval) and isinstance(error, RunNeedsApproval):
            self.stopped = RunNeedsApproval([*stopped.requests, *error.requests])
        elif stopped is None:
            self.stopped = error
        return error

    def check(self) -> None:
        """Before anything new is begun."""
        if self.stopped is not None:
            self._note_part()
            raise self.stopped

    def check_part(self, path: str) -> None:
        """Before a part's result is taken. One that ran beside what stopped the run is as good as ever."""
        if self.stopped is None:
            return
        if not self._waits or any(halted.startswith(path) for halted in self._halted):
            raise self.stopped

    @property
    def _waits(self) -> bool:
        """Stopped, but still ours."""
        return isinstance(self.stopped, RunWaits)

    def _note_part(self) -> None:
        scope = CURRENT.get()
        if scope is not None:
            self._halted.add(scope.path)

    def read(self, name: str) -> bytes | None:
        self.check()
        return None if self._journal is None else self._journal.entries.get(name)

    def open_call(self, place: str) -> str | None:
        """The call that was in flight here when an earlier attempt ended."""
        return self._open.get(place)

    async def write(self, entries: Mapping[str, bytes | None]) -> None:
        """Durable when it returns. What is done already may still be noted while the run waits for others."""
        if self._journal is None:
            return
        if self.stopped is not None and not self._waits:
            self.check()
        try:
            await self._journal.record(entries)
        except Exception as error:
            self.stop(error)
            raise

    def soon(self, entries: Mapping[str, bytes | None]) -> None:
        """On its way: durable before what is written next, or decided. Nothing is done upon it before."""
        if self._journal is None:
            return
        if self.stopped is not None and not self._waits:
            self.check()
        self._journal.soon(entries)

    def left_behind(self, entries: Mapping[str, bytes | None]) -> None:
        """The same by whoever is cancelled: whatever it is for, it is not held up by what stopped the run."""
        if self._journal is not None:
            self._journal.soon(entries)

    async def settle(self) -> None:
        """All that was told is durable."""
        if self._journal is None:
            return
        try:
            await self._journal.settle()
        except Exception as error:
            self.stop(error)
            raise

    async def turn_ended(self, turn: int) -> None:
        if self._journal is None:
            return
        try:
            await self._journal.turn_ended(turn)
        except Exception as error:
            self.stop(error)
            raise
