"""A model that answers what a recorded run was answered, as long as the agent asks the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from difflib import SequenceMatcher, unified_diff
from pathlib import Path
from typing import Any

from agents import Model, ModelResponse
from openai.types.responses import ResponseOutputMessage

from agents_defs.authoring.recorded_run import RecordedTurn, question_of, read
from agents_defs.testing.answer_events import streamed
from agents_defs.testing.scripted_model import Unscripted

MOST_LINES = 60


class RecordedModel(Model):
    """Each turn of the file answers one call, whatever the order: agents may be asked at once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._run = read(file)
        self._turns = list(self._run.turns)
        self._unscripted: list[str] = []

    @property
    def questions(self) -> list[str]:
        """What the agent was asked when it was recorded."""
        return list(self._run.questions)

    @property
    def unscripted(self) -> str | None:
        """The first call that was not recorded, as a difference to what was."""
        return self._unscripted[0] if self._unscripted else None

    @property
    def unused(self) -> str | None:
        """That the agent asked less than was recorded."""
        if not self._turns:
            return None
        count = f"{len(self._turns)} of {len(self._run.turns)} turns"
        return f"the agent did not come to {count} recorded in {self._file.name}. {self._again}"

    @property
    def _again(self) -> str:
        here = Path.cwd()
        file = self._file.relative_to(here) if self._file.is_relative_to(here) else self._file
        return f"If that is meant, record it again: {self._run.again(file)}"

    async def get_response(self, *positional: Any, **_: Any) -> ModelResponse:
        """What was answered to this."""
        asked = question_of(positional)
        answer = self._taken(asked)
        await asyncio.sleep(0)
        return answer

    async def stream_response(self, *positional: Any, **named: Any) -> AsyncIterator[Any]:
        """The same, its text in one piece."""
        answer = await self.get_response(*positional, **named)
        for event in streamed(answer, _text(answer)):
            yield event

    def _taken(self, asked: dict[str, Any]) -> ModelResponse:
        for number, turn in enumerate(self._turns):
            if turn.asked == asked:
                return self._turns.pop(number).answer
        self._unscripted.append(self._why(asked))
        raise Unscripted(self._unscripted[-1])

    def _why(self, asked: dict[str, Any]) -> str:
        name, now = self._file.name, list(lines_of(asked))
        if not self._turns:
            of = f"{len(self._run.turns)} turns recorded in {name}"
            return "\n".join([f"the agent asks more than the {of}:", *now[:MOST_LINES], self._again])
        nearest = max(self._turns, key=lambda turn: _likeness(turn, now))
        number = self._run.turns.index(nearest) + 1
        before = list(lines_of(nearest.asked))
        changes = list(unified_diff(before, now, "recorded", "asked now", n=1, lineterm=""))
        if len(changes) > MOST_LINES:
            changes = [*changes[:MOST_LINES], f"... and {len(changes) - MOST_LINES} lines more"]
        of = f"turn {number} of {len(self._run.turns)}"
        what = f"the agent asks something else than was recorded in {name} ({of}):"
        return "\n".join([what, *changes, self._again])


def lines_of(value: Any, place: str = "") -> Iterator[str]:
    """A question line by line, each with its place in front."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from lines_of(inner, f"{place}.{name}" if place else name)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from lines_of(inner, f"{place}[{number}]")
    else:
        for line in value.splitlines() if isinstance(value, str) else [repr(value)]:
            yield f"{place}: {line}"


def _likeness(turn: RecordedTurn, now: list[str]) -> float:
    return SequenceMatcher(None, list(lines_of(turn.asked)), now, autojunk=False).ratio()


def _text(answer: ModelResponse) -> list[str]:
    messages = [item for item in answer.output if isinstance(item, ResponseOutputMessage)]
    return [part.text for item in messages for part in item.content if part.type == "output_text"]
