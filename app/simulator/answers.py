"""What the simulated model says to one call, and what it counts for it."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import orjson

from app.simulator.api_errors import InvalidCallError
from app.simulator.demands import JSON_OBJECT
from app.simulator.model_call import ModelCall, Turn
from app.simulator.schema_answers import UnanswerableSchemaError, satisfy
from app.simulator.steering import Steering, ToolCall
from app.simulator.tokens import cached, cut, estimate

ECHOED = 80
"""So many characters of a user message or tool output come back in an answer."""
HAND_OFF = "transfer_to_"
_FILLER = ("water", "runs", "through", "the", "gate", "into", "the", "wheel", "and", "on")


@dataclass(frozen=True, slots=True)
class Usage:
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    """With the reasoning."""
    reasoning_tokens: int = 0


NOTHING_USED = Usage()


@dataclass(frozen=True, slots=True)
class Answer:
    text: str
    calls: tuple[ToolCall, ...]
    reasoning: str
    cut_short: bool
    """`max_output_tokens` ended it."""
    usage: Usage


def compose(call: ModelCall, steering: Steering, spoken: str, outputs: tuple[Turn, ...]) -> Answer:
    """The answer to `call`, whose last user message reads `spoken` and was followed by `outputs`."""
    try:
        calls = _tool_calls(call, steering, outputs)
        text = "" if calls else _text(call, steering, spoken, outputs)
    except UnanswerableSchemaError as error:
        raise InvalidCallError(
            f'{error}; steer the answer with [[sim: text="..."]]', code="invalid_schema"
        ) from error
    reasoning = steering.reasoning or ""
    reasoning_tokens = estimate(reasoning)
    whole = text
    if call.demands.max_output_tokens is not None and not calls:
        text = cut(whole, call.demands.max_output_tokens - reasoning_tokens)
    said = estimate(text) + sum(estimate(each.name) + estimate(each.arguments) for each in calls)
    input_tokens, prefix_tokens = call.input_tokens()
    usage = Usage(input_tokens, cached(prefix_tokens), reasoning_tokens + said, reasoning_tokens)
    return Answer(text, calls, reasoning, len(text) < len(whole), usage)


def _tool_calls(call: ModelCall, steering: Steering, outputs: tuple[Turn, ...]) -> tuple[ToolCall, ...]:
    if call.demands.tools_barred or not call.demands.tools:
        return ()
    offered = {tool.name for tool in call.demands.tools}
    if steering.steps:
        answered = Counter(output.tool for output in outputs)
        for step in steering.steps:
            if due := _unanswered(step, answered, offered):
                return due
        return ()
    if call.demands.forced_tool is None or outputs:
        return ()
    tool = next((tool for tool in call.demands.tools if call.demands.forced_tool in ("", tool.name)), None)
    if tool is None:
        raise InvalidCallError(
            f"tool_choice names {call.demands.forced_tool!r}, which tools does not hold", "tool_choice"
        )
    arguments = satisfy({"type": "object", **tool.parameters}, f"answer {call.input_sha256[:12]}")
    return (ToolCall(tool.name, orjson.dumps(arguments).decode()),)


def _unanswered(
    step: tuple[ToolCall, ...], answered: Counter[str], offered: set[str]
) -> tuple[ToolCall, ...]:
    """The calls of `step` that have no output yet; uses up the outputs that it finds."""
    due = []
    for tool in step:
        if answered[tool.name] > 0:
            answered[tool.name] -= 1
        elif tool.name in offered or not tool.name.startswith(HAND_OFF):
            # A hand-off that is not on offer was made already, and a filter took its output away.
            due.append(tool)
    return tuple(due)


def _text(call: ModelCall, steering: Steering, spoken: str, outputs: tuple[Turn, ...]) -> str:
    if steering.text is not None:
        return steering.text
    phrase = f"Simulated answer {call.input_sha256[:12]}"
    if call.demands.schema is JSON_OBJECT:
        return orjson.dumps({"answer": phrase}).decode()
    if call.demands.schema is not None:
        return orjson.dumps(satisfy(call.demands.schema, phrase)).decode()
    text = f'{phrase} to "{_shortened(spoken)}"'
    for output in outputs:
        text += f"; {output.tool} returned {_shortened(output.text)}"
    return _lengthened(f"{text}.", steering.deltas or 0)


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= ECHOED else f"{text[:ECHOED]}..."


def _lengthened(text: str, words: int) -> str:
    """`text` with filler, so that it can be cut into so many words."""
    missing = words - text.count(" ") - 1
    if missing <= 0:
        return text
    turns, rest = divmod(missing, len(_FILLER))
    return " ".join((text, *_FILLER * turns, *_FILLER[:rest]))


def pieces(text: str, number: int) -> list[str]:
    """`text` cut into `number` parts of about one size, none of them empty."""
    number = min(number, len(text))
    bounds = [len(text) * at // number for at in range(number + 1)] if number else []
    return [text[start:end] for start, end in pairwise(bounds)]
