"""Parses the steering block of a user message: `[[sim: ...]]`."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from app.simulator.steering import CLOSING, GRAMMAR, OPENING, Failure, Steering, ToolCall, compact

MAX_WAIT_MS = 3_600_000.0
MAX_DELTAS = 100_000

_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BARE = re.compile(r"(?:(?!\]\])[^\s\"{])+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WHOLE = re.compile(r"\d{1,9}")
_FAILURE = re.compile(r"([45]\d\d)(?:\*([1-9]\d{0,8}))?")


class SteeringError(Exception):
    """A block that does not follow the grammar; says which word, why, and what the grammar is."""

    def __init__(self, word: str, reason: str) -> None:
        super().__init__(f"simulator steering: {word!r} {reason}. Grammar: {GRAMMAR}")
        self.word = word


def parse(text: str) -> tuple[Steering, str]:
    """What the last block in `text` asks for, and `text` without its blocks."""
    steering, rest, position = Steering(), [], 0
    while (start := text.find(OPENING, position)) >= 0:
        rest.append(text[position:start])
        block = _Block(text, start + len(OPENING))
        steering = block.read()
        position = block.position
    rest.append(text[position:])
    return steering, "".join(rest).strip()


@dataclass(slots=True)
class _Steps:
    """Tool calls as they are read; `args` goes to the tool before it, or else to the next one."""

    done: list[tuple[ToolCall, ...]] = field(default_factory=list)
    current: list[tuple[str, str | None]] = field(default_factory=list)
    waiting: str | None = None

    def tool(self, name: str) -> None:
        self.current.append((name, self.waiting))
        self.waiting = None

    def args(self, arguments: str) -> bool:
        if self.current and self.current[-1][1] is None:
            self.current[-1] = (self.current[-1][0], arguments)
        elif self.waiting is None:
            self.waiting = arguments
        else:
            return False
        return True

    def close(self) -> bool:
        """Ends this turn's calls; false where there are none or an `args` has no tool."""
        if not self.current or self.waiting is not None:
            return False
        self.done.append(
            tuple(ToolCall(name) if args is None else ToolCall(name, args) for name, args in self.current)
        )
        self.current = []
        return True


class _Block:
    def __init__(self, text: str, position: int) -> None:
        self.text = text
        self.position = position
        self._found: dict[str, Any] = {}
        self._failures: list[Failure] = []
        self._steps = _Steps()

    def read(self) -> Steering:
        self._skip_space()
        while not self.text.startswith(CLOSING, self.position):
            self._read_word()
            self._end_of_word()
        self.position += len(CLOSING)
        return self._finished()

    def _read_word(self) -> None:
        match = _WORD.match(self.text, self.position)
        if match is None:
            raise SteeringError(self._excerpt(), "is no word of the grammar, or the block has no end ']]'")
        word = match.group()
        self.position = match.end()
        has_value = self.text.startswith("=", self.position)
        if word in _FLAGS:
            if has_value:
                raise SteeringError(word, "takes no value")
            _FLAGS[word](self, word)
        elif word in _VALUES:
            if not has_value:
                raise SteeringError(word, "needs a value: write it as " + word + "=...")
            self.position += 1
            _VALUES[word](self, word)
        else:
            raise SteeringError(word, "is unknown")

    def _end_of_word(self) -> None:
        before = self.position
        self._skip_space()
        if before == self.position and not self.text.startswith(CLOSING, self.position):
            raise SteeringError(self._excerpt(), "needs a space before it, or the block has no end ']]'")

    def _finished(self) -> Steering:
        steps = self._steps
        if (steps.done or steps.current or steps.waiting is not None) and not steps.close():
            word = "then" if steps.waiting is None else "args"
            raise SteeringError(word, "has no tool=NAME beside it")
        endings = [word for word in ("hang", "drop_after", "malformed") if word in self._found]
        if len(endings) > 1:
            raise SteeringError(endings[1], f"cannot be asked for together with {endings[0]!r}")
        return Steering(**self._found, steps=tuple(steps.done), failures=tuple(self._failures))

    # One method per kind of word.

    def flag(self, word: str) -> None:
        self._keep(word, True)

    def then(self, word: str) -> None:
        if not self._steps.close():
            raise SteeringError(word, "stands between two turns' tools: tool=a then tool=b")

    def tool(self, word: str) -> None:
        name = self._string(word) if self._next_is('"') else self._bare(word)
        if not name:
            raise SteeringError(word, "needs the name of a tool")
        self._steps.tool(name)

    def args(self, word: str) -> None:
        if self._next_is("{"):
            arguments = compact(self._json(word))
        elif self._next_is('"'):
            arguments = self._string(word)
        else:
            raise SteeringError(word, 'needs a JSON object, or a "string" to be sent as it is')
        if not self._steps.args(arguments):
            raise SteeringError(word, "has no tool=NAME beside it")

    def string(self, word: str) -> None:
        self._keep(word, self._string(word))

    def milliseconds(self, word: str) -> None:
        self._keep(word, self._number(word, MAX_WAIT_MS))

    def seconds(self, word: str) -> None:
        self._keep(word, self._number(word, MAX_WAIT_MS / 1000))

    def whole(self, word: str) -> None:
        value = self._bare(word)
        least = 0 if word == "drop_after" else 1
        if not _WHOLE.fullmatch(value) or not least <= int(value) <= MAX_DELTAS:
            raise SteeringError(f"{word}={value}", f"needs a whole number from {least} to {MAX_DELTAS}")
        self._keep(word, int(value))

    def failure(self, word: str) -> None:
        value = self._bare(word)
        match = _FAILURE.fullmatch(value)
        if match is None:
            raise SteeringError(
                f"{word}={value}", "needs a status from 400 to 599, then *TIMES if not always"
            )
        self._failures.append(Failure(int(match[1]), int(match[2]) if match[2] else None))

    # What those methods read with.

    def _keep(self, word: str, value: object) -> None:
        if word in self._found:
            raise SteeringError(word, "is given twice")
        self._found[word] = value

    def _number(self, word: str, most: float) -> float:
        value = self._bare(word)
        if not _NUMBER.fullmatch(value) or float(value) > most:
            raise SteeringError(f"{word}={value}", f"needs a number from 0 to {most:g}")
        return float(value)

    def _string(self, word: str) -> str:
        if not self._next_is('"'):
            raise SteeringError(word, 'needs a value in "double quotes"')
        return str(self._json(word))

    def _bare(self, word: str) -> str:
        match = _BARE.match(self.text, self.position)
        if match is None:
            raise SteeringError(word, "has no value that it can take")
        self.position = match.end()
        return match.group()

    def _json(self, word: str) -> object:
        try:
            value, self.position = _JSON.raw_decode(self.text, self.position)
            compact(value).encode()
        except (ValueError, RecursionError) as error:
            raise SteeringError(word, f"has a value that is not valid JSON ({error})") from error
        return value

    def _next_is(self, character: str) -> bool:
        return self.text.startswith(character, self.position)

    def _skip_space(self) -> None:
        self.position = _SPACE.match(self.text, self.position).end()  # type: ignore[union-attr]  # always matches

    def _excerpt(self) -> str:
        return self.text[self.position : self.position + 20]


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_JSON = json.JSONDecoder(strict=False, parse_constant=_no_constant)
_FLAGS: dict[str, Callable[[_Block, str], None]] = {
    "hang": _Block.flag,
    "malformed": _Block.flag,
    "then": _Block.then,
}
_VALUES: dict[str, Callable[[_Block, str], None]] = {
    "latency_ms": _Block.milliseconds,
    "chunk_ms": _Block.milliseconds,
    "deltas": _Block.whole,
    "drop_after": _Block.whole,
    "retry_after": _Block.seconds,
    "tool": _Block.tool,
    "args": _Block.args,
    "text": _Block.string,
    "reasoning": _Block.string,
    "fail": _Block.failure,
}
