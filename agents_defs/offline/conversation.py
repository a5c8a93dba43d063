"""What has been said and done so far, read from the input that a model is given."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents_defs.offline.material import parted


@dataclass(frozen=True, slots=True)
class Done:
    """A tool call or a hand-off, and what came of it."""

    name: str
    arguments: str
    output: Any  # parsed where it is JSON; None: not known


@dataclass(frozen=True, slots=True)
class Conversation:
    """`request` is the last thing that the user said, `done` what happened since.

    `material`: what stood below a heading under the request.
    """

    request: str
    earlier: tuple[str, ...]  # what the user said before, the latest first
    done: tuple[Done, ...]
    material: str = ""

    def did(self, name: str) -> bool:
        return any(one.name == name for one in self.done)

    def own(self) -> tuple[Done, ...]:
        """What the present agent did: everything since the last hand-off."""
        handed = [place for place, one in enumerate(self.done) if is_handoff(one.output)]
        return self.done[handed[-1] + 1 :] if handed else self.done


def is_handoff(output: Any) -> bool:
    """Whether a call's output is the SDK's note that another agent took over."""
    return isinstance(output, Mapping) and set(output) == {"assistant"}


def read(asked: str | Sequence[Any]) -> Conversation:
    """Reads a plain question or a list of the API's input items. What it does not know it passes over."""
    if isinstance(asked, str):
        request, material = parted(asked)
        return Conversation(request, (), (), material)
    said: list[str] = []
    calls: list[tuple[str, str, str]] = []  # call id, name, arguments
    outputs: dict[str, Any] = {}
    for item in asked:
        if not isinstance(item, Mapping):
            continue
        kind = item.get("type", "message")
        if kind == "message" and item.get("role") == "user":
            said.append(text_of(item.get("content")))
            calls, outputs = [], {}
        elif kind == "function_call":
            calls.append((str(item.get("call_id")), str(item.get("name")), str(item.get("arguments") or "")))
        elif kind == "function_call_output":
            outputs[str(item.get("call_id"))] = _parsed(item.get("output"))
    done = tuple(Done(name, arguments, outputs.get(call_id)) for call_id, name, arguments in calls)
    request, *earlier = reversed(said) if said else [""]
    request, material = parted(request)
    return Conversation(request, tuple(earlier), done, material)


def text_of(content: Any) -> str:
    """The text of a message; of a picture or a file only that it is there."""
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return ""
    parts = []
    for part in content:
        if isinstance(part, Mapping):
            kind = str(part.get("type", ""))
            parts.append(
                str(part.get("text") or part.get("refusal") or f"[{kind.removeprefix('input_') or 'part'}]")
            )
    return "\n".join(parts)


def _parsed(output: Any) -> Any:
    """JSON, or the form in which Python writes lists and dicts, which tools may return as they are."""
    text = output if isinstance(output, str) else text_of(output)
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return text
