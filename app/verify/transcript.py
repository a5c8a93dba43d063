"""One streamed request, put together from its deltas as the contract tells readers to."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

SUPERSEDED, TEXT, END = "superseded", "text", "end"


class Said(NamedTuple):
    """One delta."""

    offset: int
    name: str
    attempt: int
    seq: int
    turn: int
    at_char: int
    kind: str
    data: dict[str, Any]


@dataclass(slots=True)
class Transcript:
    """`take` returns what is wrong with a delta, if anything."""

    whole: bool = True
    """False where older deltas of it are no longer kept: then only what follows is judged."""
    expected: dict[int, int] = field(default_factory=dict)
    """The next sequence number of each attempt."""
    broken: bool = False
    """Something is wrong already: what follows from it is not told once more."""
    attempt: int = -1
    turns: dict[int, list[str]] = field(default_factory=dict)

    def take(self, said: Said) -> str | None:
        """The next delta of the request, in the order of its partition."""
        wrong = self._follow(said)
        told = wrong if not self.broken else None
        self.broken = self.broken or wrong is not None
        return told

    def _follow(self, said: Said) -> str | None:
        first = said.attempt not in self.expected
        expected = said.seq if first and not self.whole else self.expected.get(said.attempt, 0)
        wrong = self._numbering(said, expected)
        self.expected[said.attempt] = max(expected, said.seq + 1)
        if said.attempt < self.attempt or said.seq < expected:
            return wrong  # a reader ignores lower attempts from then on
        if said.attempt > self.attempt:
            wrong = wrong or self._begin(said)
        elif said.kind == SUPERSEDED:
            wrong = wrong or f"is superseded in the middle of attempt {said.attempt}"
        if said.kind == TEXT:
            misplaced = self._append(said)
            wrong = wrong or misplaced
        return wrong

    def _numbering(self, said: Said, expected: int) -> str | None:
        if said.seq == expected:
            return None
        if said.seq > expected:
            missing = f"{expected}" if said.seq == expected + 1 else f"{expected} to {said.seq - 1}"
            return f"has seq {said.seq} in attempt {said.attempt}: {missing} is missing before it"
        return f"has seq {said.seq} in attempt {said.attempt} a second time"

    def _begin(self, said: Said) -> str | None:
        """A higher attempt: it says first which turns of the older ones it supersedes."""
        self.attempt = said.attempt
        if said.kind == SUPERSEDED:
            from_turn = said.data.get("from_turn")
            if type(from_turn) is not int or from_turn < 0:
                self.turns.clear()
                return "is superseded without a from_turn"
            for turn in [turn for turn in self.turns if turn >= from_turn]:
                del self.turns[turn]
            return None
        if said.attempt > 1 and self.whole:
            self.turns.clear()
            return f"begins attempt {said.attempt} without superseded"
        return None

    def _append(self, said: Said) -> str | None:
        pieces = self.turns.setdefault(said.turn, [])
        text = said.data.get("text")
        if not isinstance(text, str):
            return "is text without any"
        length = sum(map(len, pieces))
        if len(pieces) > MOST_PIECES:
            pieces[:] = ["".join(pieces)]
        pieces.append(text)
        if said.at_char != length and self.whole:
            return f"stands at_char {said.at_char}, but {length} characters of its turn stand before it"
        return None

    def last_text(self) -> str:
        """Of the last turn that has any."""
        return "".join(self.turns[max(self.turns)]) if self.turns else ""


MOST_PIECES = 64
