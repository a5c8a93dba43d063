"""A model that says what a test wrote down, in that order, and takes every other call amiss."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
import openai
from agents import Model, ModelResponse, Usage
from agents.testing import ModelStep, assistant_message, function_call
from agents.testing import ScriptedModel as SdkScript
from pydantic import BaseModel, TypeAdapter

from agents_defs.testing.answer_events import streamed

QUOTED = 120
Call = tuple[str, Mapping[str, Any]]
"""Of a tool: its name and its arguments."""


class Unscripted(Exception):
    """The model was asked something that the test did not write down."""


@dataclass(frozen=True)
class Asked:
    """One call that came in."""

    instructions: str
    input: Any
    tools: tuple[str, ...]

    @property
    def text(self) -> str:
        """All that a turn's `when` is looked for in."""
        return f"{self.instructions}\n{json.dumps(self.input, ensure_ascii=False, default=str)}"


@dataclass(frozen=True)
class Turn:
    """What one call gets."""

    told: str  # as it was written down, for whoever is told that nobody asked
    output: tuple[Any, ...] = ()
    parts: tuple[str, ...] = ()  # of a text, as they are streamed
    error: Exception | None = None
    when: str | None = None
    pause_s: float = 0.0
    tokens: tuple[int, int] = (100, 10)


class ScriptedModel(Model):
    """Turns are used in the order in which they were written; each answers one call.

    Every turn takes `when`, a text that must occur in the agent's instructions or in its input for the turn
    to be meant, `pause_s`, how long the model thinks before it, and `tokens`, of the input and the output.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
        self.cut_off: list[Turn] = []  # turns that somebody asked for and nobody got
        self._turns: list[Turn] = []
        self._written = 0
        self._unscripted: list[str] = []

    # -- what a test writes down

    def says(self, *parts: str, **more: Any) -> ScriptedModel:
        """A text; its parts are what a reader of the deltas gets one by one."""
        text = "".join(parts)
        return self._add(Turn(f"says({_quoted(text)})", (assistant_message(text),), parts, **more))

    def answers(self, value: Any, **more: Any) -> ScriptedModel:
        """An object, for agents that have an output type."""
        plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        text = TypeAdapter(Any).dump_json(plain).decode()
        return self._add(Turn(f"answers({_quoted(text)})", (assistant_message(text),), (text,), **more))

    def calls(
        self, tool: str | Sequence[Call], arguments: Mapping[str, Any] | None = None, **more: Any
    ) -> ScriptedModel:
        """A tool's call; or several at once, as a list of names with their arguments."""
        wanted = [(tool, arguments or {})] if isinstance(tool, str) else list(tool)
        items = tuple(
            function_call(name, dict(given), call_id=f"call-{self._written + 1}-{number}")
            for number, (name, given) in enumerate(wanted, 1)
        )
        return self._add(Turn(f"calls({', '.join(name for name, _ in wanted)})", items, **more))

    def fails(
        self, error: Exception | int, *, retry_after_s: float | None = None, **more: Any
    ) -> ScriptedModel:
        """An exception, or the HTTP status that the provider answers with."""
        told = f"fails({error!r})"
        raised = _refusal(error, retry_after_s) if isinstance(error, int) else error
        return self._add(Turn(told, error=raised, **more))

    def _add(self, turn: Turn) -> ScriptedModel:
        self._written += 1
        self._turns.append(turn)
        return self

    def put_back(self) -> None:
        """Who was cut off asks again: what they were to get is the next to be said."""
        self._turns, self.cut_off = [*self.cut_off, *self._turns], []

    # -- what is wrong

    @property
    def unscripted(self) -> str | None:
        """The first call that no turn was there for, in a line."""
        return self._unscripted[0] if self._unscripted else None

    @property
    def unused(self) -> str | None:
        """The turns that nobody asked for, in a line."""
        if not self._turns:
            return None
        left = ", ".join(turn.told for turn in self._turns)
        count = f"{len(self._turns)} of {self._written} scripted turns"
        return f"the model was not asked for {count}: {left}. Remove them, or see why the agent stopped"

    # -- the SDK's interface

    async def get_response(self, *positional: Any, **named: Any) -> ModelResponse:
        """The next turn."""
        one = await self._next(*positional)
        return await one.get_response(*positional, **named)

    async def stream_response(self, *positional: Any, **named: Any) -> AsyncIterator[Any]:
        """The next turn, part by part."""
        one = await self._next(*positional)
        async for event in one.stream_response(*positional, **named):
            yield event

    async def _next(self, *positional: Any) -> SdkScript:
        """The SDK's own scripted model, with one turn."""
        instructions, said, _, tools, *_ = positional
        asked = Asked(instructions or "", said, tuple(tool.name for tool in tools))
        self.asked.append(asked)
        turn = self._taken(asked)
        try:
            await self.sleep(turn.pause_s) if turn.pause_s else await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cut_off.append(turn)
            raise
        return SdkScript([self._step(turn)])

    def _taken(self, asked: Asked) -> Turn:
        for number, turn in enumerate(self._turns):
            if turn.when is None or turn.when in asked.text:
                return self._turns.pop(number)
        self._unscripted.append(self._why(asked))
        raise Unscripted(self._unscripted[-1])

    def _why(self, asked: Asked) -> str:
        who = f"an agent told {_quoted(asked.instructions)}, which was asked {_quoted(_last(asked.input))}"
        if not self._turns:
            count = f"{self._written} turn{'' if self._written == 1 else 's'}"
            return f"the model was asked more often than the {count} scripted, by {who}: add a turn for it"
        left = ", ".join(f"{turn.told} when {turn.when!r}" for turn in self._turns)
        return f"no scripted turn is meant for {who}; left are: {left}"

    def _step(self, turn: Turn) -> ModelStep:
        if turn.error is not None:
            return ModelStep.raise_error(turn.error)
        read, written = turn.tokens
        usage = Usage(requests=1, input_tokens=read, output_tokens=written, total_tokens=read + written)
        name = f"scripted-{len(self.asked)}"
        answer = ModelResponse(output=list(turn.output), usage=usage, response_id=name)
        events = tuple(streamed(answer, turn.parts))
        return ModelStep.stream(events, output=turn.output, usage=usage, response_id=name)


def _refusal(status: int, retry_after_s: float | None) -> openai.APIStatusError:
    headers = {} if retry_after_s is None else {"retry-after": f"{retry_after_s:g}"}
    request = httpx2.Request("POST", "http://127.0.0.1/scripted")
    response = httpx2.Response(status, headers=headers, request=request)
    return openai.APIStatusError(f"scripted: {status}", response=response, body=None)


def _last(said: Any) -> str:
    """The end of what was asked: the question, or a tool's result."""
    if isinstance(said, str) or not said:
        return str(said)
    item = said[-1]
    found = item.get("output", item.get("content", item)) if isinstance(item, dict) else item
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, default=str)


def _quoted(text: str) -> str:
    flat = " ".join(text.split())
    return repr(flat if len(flat) <= QUOTED else f"{flat[: QUOTED - 1]}…")
