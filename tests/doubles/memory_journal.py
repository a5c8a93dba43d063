"""A run's journal in memory, which can fail at a certain write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agents_defs.run_journal import RunLost


@dataclass
class MemoryJournal:
    """`fail_after` writes it raises: the write that was the last is durable, as at a crash right after it.

    `fail_before`: that write is not. Turns that ended are kept in `ended`.
    """

    entries: dict[str, bytes] = field(default_factory=dict)
    fail_after: int | None = None
    fail_before: int | None = None
    error: Exception = field(default_factory=lambda: RunLost("another worker runs it"))
    hand_over: Exception | None = None
    writes: int = 0
    ended: list[int] = field(default_factory=list)
    failed: Exception | None = None

    async def record(self, entries: Mapping[str, bytes | None]) -> None:
        self._write(entries)
        if self.failed is not None:
            raise self.failed

    def soon(self, entries: Mapping[str, bytes | None]) -> None:
        """It fails unseen: whoever writes next is told."""
        self._write(entries)

    def _write(self, entries: Mapping[str, bytes | None]) -> None:
        if self.failed is not None:
            return
        self.writes += 1
        if self.fail_before is not None and self.writes >= self.fail_before:
            self.failed = self.error
            return
        for name, entry in entries.items():
            if entry is None:
                self.entries.pop(name, None)
            else:
                self.entries[name] = entry
        if self.writes == self.fail_after:
            self.failed = self.error

    async def settle(self) -> None:
        if self.failed is not None:
            raise self.failed

    async def turn_ended(self, turn: int) -> None:
        self.ended.append(turn)
        if self.hand_over is not None:
            raise self.hand_over

    def resumed(self) -> MemoryJournal:
        """The same run's, as the next attempt finds it."""
        return MemoryJournal(entries=dict(self.entries))
