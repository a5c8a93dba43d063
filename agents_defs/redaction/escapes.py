"""Reads a text without the escapes of JSON, and knows where each of its characters stood."""

from __future__ import annotations

import re
from bisect import bisect_right

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_MEANT = {"n": "\n", "t": "\t", "r": "\r", "b": " ", "f": " "}


class Unescaped:
    """`plain` is what is meant; `place` tells where a character of it begins in the text as it stands."""

    def __init__(self, text: str) -> None:
        parts, self._from, self._to, at, length = [], [0], [0], 0, 0
        for match in _ESCAPE.finditer(text):
            code, sign = match.groups()
            meant = chr(int(code, 16)) if code else _MEANT.get(sign, sign)
            parts += [text[at : match.start()], meant]
            length += match.start() - at + 1
            at = match.end()
            self._from.append(length)
            self._to.append(at)
        self.plain = "".join([*parts, text[at:]])

    def place(self, index: int) -> int:
        """Where what stands at `index` begins in the text."""
        nth = bisect_right(self._from, index) - 1
        return self._to[nth] + index - self._from[nth]

    def end(self, index: int) -> int:
        """Where what stands before `index` ends in the text."""
        return self.place(index - 1) + self._width(index - 1) if index else 0

    def _width(self, index: int) -> int:
        nth = bisect_right(self._from, index + 1) - 1
        return self._to[nth] - self.place(index) if nth and self._from[nth] == index + 1 else 1
