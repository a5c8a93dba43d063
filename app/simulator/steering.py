"""What a user message may ask of the simulator, as a value, and how that value is written down."""

import json
from dataclasses import dataclass

OPENING = "[[sim:"
CLOSING = "]]"

GRAMMAR = (
    '[[sim: latency_ms=N chunk_ms=N deltas=N tool=NAME args={...} then text="..." reasoning="..."'
    " fail=STATUS*TIMES retry_after=SECONDS hang drop_after=N malformed]]"
)


@dataclass(frozen=True, slots=True)
class ToolCall:
    name: str
    arguments: str = "{}"
    """As the model sends it: JSON text, or anything else to play a model that gets it wrong."""


@dataclass(frozen=True, slots=True)
class Failure:
    status: int
    times: int | None = None
    """How many attempts of a call fail like this; None: all of them."""


@dataclass(frozen=True, slots=True)
class Steering:
    latency_ms: float | None = None
    chunk_ms: float | None = None
    deltas: int | None = None
    steps: tuple[tuple[ToolCall, ...], ...] = ()
    """One tuple of parallel tool calls per model turn."""
    text: str | None = None
    reasoning: str | None = None
    failures: tuple[Failure, ...] = ()
    retry_after: float | None = None
    hang: bool = False
    drop_after: int | None = None
    malformed: bool = False

    def failure_at(self, attempt: int) -> Failure | None:
        """How attempt number `attempt` (from 0) of a call fails, if it does."""
        for failure in self.failures:
            if failure.times is None or attempt < failure.times:
                return failure
            attempt -= failure.times
        return None


def render(steering: Steering) -> str:
    """The block that parses back to `steering`."""
    numbers = [
        f"{name}={value!r}"
        for name in ("latency_ms", "chunk_ms", "deltas", "retry_after", "drop_after")
        if (value := getattr(steering, name)) is not None
    ]
    texts = [
        f"{name}={_quoted(value)}"
        for name in ("text", "reasoning")
        if (value := getattr(steering, name)) is not None
    ]
    failures = [
        f"fail={failure.status}" + (f"*{failure.times}" if failure.times is not None else "")
        for failure in steering.failures
    ]
    endings = [name for name in ("hang", "malformed") if getattr(steering, name)]
    steps = [" then ".join(" ".join(map(_rendered_call, step)) for step in steering.steps)]
    words = [word for word in (*numbers, *steps, *texts, *failures, *endings) if word]
    return f"{OPENING} {' '.join(words)}{CLOSING}"


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _rendered_call(call: ToolCall) -> str:
    return f"tool={_quoted(call.name)} args={_rendered_arguments(call.arguments)}"


def _rendered_arguments(arguments: str) -> str:
    """As an object where that reads back the same, else quoted."""
    try:
        value = json.loads(arguments)
    except ValueError:
        return _quoted(arguments)
    return arguments if isinstance(value, dict) and compact(value) == arguments else _quoted(arguments)
