"""One call of a model, whichever of the two APIs it came through."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from app.simulator.demands import Demands
from app.simulator.tokens import TOKENS_PER_ITEM, estimate

Api = Literal["responses", "chat"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One item of the conversation, as far as an answer depends on it."""

    kind: Literal["user", "output", "other"]
    text: str
    tool: str = ""
    """Whose output it is."""


@dataclass(frozen=True, slots=True)
class ModelCall:
    api: Api
    model: str
    body: Mapping[str, Any]
    input_sha256: str
    turns: tuple[Turn, ...]
    demands: Demands
    streamed: bool
    fixed_tokens: int
    """Instructions and tool definitions."""

    def last_user(self) -> tuple[str, tuple[Turn, ...]]:
        """The last user message and the tool outputs since."""
        outputs: list[Turn] = []
        for turn in reversed(self.turns):
            if turn.kind == "user":
                return turn.text, tuple(reversed(outputs))
            if turn.kind == "output":
                outputs.append(turn)
        return "", tuple(reversed(outputs))

    def input_tokens(self) -> tuple[int, int]:
        """All tokens of the prompt, and those before its last item."""
        sizes = [estimate(turn.text) + TOKENS_PER_ITEM for turn in self.turns]
        total = self.fixed_tokens + sum(sizes)
        return total, total - (sizes[-1] if sizes else 0)


def digest(value: object) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def content_text(content: object) -> str:
    """The text of a message's content: a string, or a list of parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = (part.get("text") for part in content if isinstance(part, dict))
    return "\n".join(text for text in parts if isinstance(text, str))
