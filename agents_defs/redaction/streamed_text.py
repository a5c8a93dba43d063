"""Puts personal data back into a text that comes in pieces: a placeholder may be cut anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable

_BEGUN = re.compile(
    r"(?:<|\\u003[cC])[A-Z_]{0,14}\d{0,6}(?:\\(?:u(?:0(?:03?)?)?)?)?\Z|\\(?:u(?:0(?:03?)?)?)?\Z"
)
"""What may become a placeholder with the next piece."""
LONGEST = 48


class StreamedText:
    """Holds back what may be the beginning of a placeholder, and nothing else."""

    def __init__(self, shown: Callable[[str], str]) -> None:
        self._shown = shown
        self._held = ""

    def take(self, piece: str) -> str:
        """What can be told by now."""
        text = self._held + piece
        begun = _BEGUN.search(text, max(0, len(text) - LONGEST))
        cut = begun.start() if begun else len(text)
        self._held = text[cut:]
        return self._shown(text[:cut])

    def rest(self) -> str:
        """What was held back; nothing follows it."""
        text, self._held = self._held, ""
        return self._shown(text)
