"""Placeholders of one run: which mark stands for which personal data, and what is yet to be written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from agents_defs.guardrails.pii import KINDS

TEXT: Final = "TEXT"
"""What merely looks like a placeholder: it gets one, too, or it would be taken for what it is not."""
_KINDS = "|".join((*KINDS, TEXT))
MARK: Final = re.compile(rf"(?:<|\\u003[cC])(?P<kind>{_KINDS})_(?P<number>[1-9]\d{{0,5}})(?:>|\\u003[eE])")
"""As a model writes it, also in JSON that spells the brackets."""


class Placeholders:
    """A value has one mark, a mark one value, for as long as the run lasts; both are never changed."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._marks: dict[str, str] = {}
        self._sorted: list[str] = []
        self._last: dict[str, int] = {}
        self._written: set[str] = set()
        self._unwritten: dict[str, str] = {}
        self._used: set[str] = set()

    def adopt(self, values: Mapping[str, str], *, written: bool) -> None:
        """What an earlier attempt or an earlier run of the session gave out. What came first stands."""
        for mark, value in values.items():
            if mark not in self._values:
                self._values[mark] = value
                self._marks.setdefault(value, mark)
            if written:
                self._written.add(mark)

    def mark_of(self, kind: str, value: str) -> str:
        """The placeholder of this value; a new one where it has none."""
        known = self._marks.get(value)
        if known is not None:
            mark = known
        else:
            number = self._last.get(kind, 0) + 1
            while (mark := f"<{kind}_{number}>") in self._values:
                number += 1
            self._last[kind] = number
            self._values[mark], self._marks[value] = value, mark
        self._use(mark)
        return mark

    def value_of(self, match: re.Match[str]) -> str:
        """What the mark stands for. One that nobody gave out stands for itself, from now on."""
        mark = f"<{match['kind']}_{match['number']}>"
        value = self._values.get(mark)
        if value is None:
            value = self._values[mark] = match.group()
            self._marks.setdefault(value, mark)
        self._use(mark)
        return value

    def known(self) -> Sequence[str]:
        """All values; longer ones come first."""
        if len(self._sorted) != len(self._marks):
            self._sorted = sorted(self._marks, key=len, reverse=True)
        return self._sorted

    def unwritten(self) -> dict[str, str]:
        """What was used and is not in the journal yet: whoever asks writes it."""
        told, self._unwritten = self._unwritten, {}
        self._written |= told.keys()
        return told

    def all(self) -> Mapping[str, str]:
        """Each placeholder and what it stands for."""
        return self._values

    def used(self) -> dict[str, str]:
        """All that was used since `forget_use`, with what it stands for."""
        return {mark: self._values[mark] for mark in sorted(self._used)}

    def forget_use(self) -> None:
        """From now on use is counted anew."""
        self._used = set()

    def _use(self, mark: str) -> None:
        self._used.add(mark)
        if mark not in self._written:
            self._unwritten[mark] = self._values[mark]
