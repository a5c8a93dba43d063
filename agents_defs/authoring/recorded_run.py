"""A recorded run: what an agent asked its models and what they answered, as a file that people can read."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents import FunctionTool, ModelResponse
from pydantic import BaseModel, TypeAdapter

VERSION = 1
_RESPONSE = TypeAdapter(ModelResponse)


class Unreadable(ValueError):
    """A file is no recorded run; the message says what to do."""


@dataclass(frozen=True)
class RecordedTurn:
    """One call: the question, as `question_of` has it, and the answer."""

    asked: dict[str, Any]
    answer: ModelResponse


@dataclass
class RecordedRun:
    """All turns of an agent that was tried, one question or a conversation long."""

    agent: str
    questions: list[str] = field(default_factory=list)
    turns: list[RecordedTurn] = field(default_factory=list)

    def text(self) -> str:
        """The file."""
        turns = [
            {
                "asked": turn.asked,
                "answer": _RESPONSE.dump_python(turn.answer, mode="json", exclude_unset=True),
            }
            for turn in self.turns
        ]
        told = {"version": VERSION, "agent": self.agent, "questions": self.questions, "turns": turns}
        return json.dumps(told, ensure_ascii=False, indent=2) + "\n"

    def again(self, file: Path) -> str:
        """The command that records it anew."""
        asked = [shlex.quote(self.questions[0])] if len(self.questions) == 1 else []
        name = self.agent.partition("@")[0]
        return " ".join(["penstock agents try", name, "--record", shlex.quote(str(file)), *asked])


def read(file: Path) -> RecordedRun:
    """Raises Unreadable."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        if told["version"] != VERSION:
            raise ValueError(f"its version is {told['version']!r}, not {VERSION}")
        turns = [
            RecordedTurn(one["asked"], _RESPONSE.validate_python(one["answer"])) for one in told["turns"]
        ]
        return RecordedRun(told["agent"], list(told["questions"]), turns)
    except FileNotFoundError:
        raise Unreadable(f"there is no recorded run at {file}: {_how(file)}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"{file} is no recorded run ({error}): {_how(file)}") from error


def question_of(positional: Sequence[Any]) -> dict[str, Any]:
    """What a model is asked, as JSON; how it is to answer, and where, is no part of it."""
    instructions, said, _, tools, schema, handoffs, *_ = positional
    plain_text = schema is None or schema.is_plain_text()
    told = {
        "instructions": instructions,
        "input": [{"role": "user", "content": said}] if isinstance(said, str) else said,
        "tools": [_tool(tool) for tool in tools],
        "handoffs": [
            {"name": one.tool_name, "description": one.tool_description, "arguments": one.input_json_schema}
            for one in handoffs
        ],
        "output": None if plain_text else schema.json_schema(),
    }
    plain: dict[str, Any] = json.loads(json.dumps(told, default=_plain))
    return plain


def _tool(tool: Any) -> dict[str, Any]:
    if not isinstance(tool, FunctionTool):
        return {"name": tool.name}
    return {"name": tool.name, "description": tool.description, "arguments": tool.params_json_schema}


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", exclude_unset=True) if isinstance(value, BaseModel) else str(value)


def _how(file: Path) -> str:
    return f"record one with `penstock agents try NAME --record {shlex.quote(str(file))}`"
