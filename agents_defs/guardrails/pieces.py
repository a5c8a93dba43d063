"""Looks for patterns in long texts piece by piece, so that other threads get their turn in between.

One call into `re` keeps the interpreter until it ends, and with it the event loop that a thread was meant to spare.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

PIECE: Final = 8_192
BEHIND: Final = 2_048
"""Characters behind a piece that a match may reach into. One that needs to see further is not for this module."""
_EDGE: Final = 64


def first(pattern: re.Pattern[str], text: str, at: int = 0, end: int | None = None) -> re.Match[str] | None:
    """As `pattern.search(text, at, end)`."""
    end = len(text) if end is None else end
    if end - at <= PIECE + BEHIND:
        return pattern.search(text, at, end)
    return next(_piecewise(pattern, text, at, end), None)


def each(pattern: re.Pattern[str], text: str, at: int = 0, end: int | None = None) -> Iterator[re.Match[str]]:
    """As `pattern.finditer(text, at, end)`, for patterns that match something."""
    end = len(text) if end is None else end
    if end - at <= PIECE + BEHIND:
        return pattern.finditer(text, at, end)
    return _piecewise(pattern, text, at, end)


def replaced(pattern: re.Pattern[str], by: str, text: str) -> str:
    """As `pattern.sub(by, text)`, for a plain text to put there."""
    if len(text) <= PIECE + BEHIND:
        return pattern.sub(by, text)
    parts: list[str] = []
    after = 0
    for found in _piecewise(pattern, text, 0, len(text)):
        parts += (text[after : found.start()], by)
        after = found.end()
    return "".join((*parts, text[after:]))


def _piecewise(pattern: re.Pattern[str], text: str, at: int, end: int) -> Iterator[re.Match[str]]:
    while at < end:
        stop, edge = at + PIECE, min(end, at + PIECE + BEHIND)
        for found in pattern.finditer(text, at, edge):
            if found.start() >= stop:
                break
            if (
                edge < end and found.end() > edge - _EDGE
            ):  # it may go on, or be none: the text does not end here
                whole = pattern.match(text, found.start(), end)
                stop = at = found.start() + 1 if whole is None else whole.end()
                if whole is not None:
                    yield whole
                break
            at = found.end()
            yield found
        at = max(at, stop)
