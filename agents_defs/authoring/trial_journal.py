"""A journal that lasts as long as somebody tries an agent: in memory, written at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class TrialJournal:
    """What a run wrote down, for when it comes again."""

    entries: dict[str, bytes] = field(default_factory=dict)

    async def record(self, entries: Mapping[str, bytes | None]) -> None:
        """Written when it returns."""
        self.soon(entries)

    def soon(self, entries: Mapping[str, bytes | None]) -> None:
        """Written at once, too."""
        for name, entry in entries.items():
            if entry is None:
                self.entries.pop(name, None)
            else:
                self.entries[name] = entry

    async def settle(self) -> None:
        """All that was told is written."""

    async def turn_ended(self, turn: int) -> None:
        """Nobody takes the run over."""
