"""What an agent asks another through the stream, what comes of it, and how a run stops to wait for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any

from agents_defs.run_journal import RunWaits

DEEPEST = 5
"""So many agents ask each other in a row at most, where nobody sets another limit."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request that a tool wants written, and which of the run's calls waits for its response."""

    call: str  # the path of the tool call, the same whenever the run is replayed
    agent: str
    input: str

    @property
    def digest(self) -> str:
        """What tells it from another question of the same call, in a run that goes another way now."""
        return sha256(f"{self.agent}\n{self.input}".encode("utf-8", "surrogatepass")).hexdigest()


AskedAs = tuple[str, str]
"""What a reply is an answer to: the path of the call that asked, and the digest of the question."""
UNTOLD = ""
"""The digest of a question that an earlier version asked."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the response to a question says."""

    status: str
    output: Any = None
    code: str | None = None
    message: str | None = None
    cost_usd: Decimal = Decimal(0)


class RunAwaitsReplies(RunWaits):
    """It waits for other agents; the same run, with their replies, goes on from here."""

    def __init__(self, questions: Mapping[str, Question], left_usd: Decimal | None) -> None:
        super().__init__("waits for other agents")
        self._questions = questions  # filled on by tools that ask beside the first
        self.left_usd = left_usd

    @property
    def questions(self) -> tuple[Question, ...]:
        """All that was asked, in a fixed order."""
        return tuple(self._questions[call] for call in sorted(self._questions))
