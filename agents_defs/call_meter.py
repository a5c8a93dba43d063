"""Measures one model call: its name, its time, its tokens and what they cost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from agents import Usage

from agents_defs.run_order import Foreseen, ModelCall, SlowNotice

if TYPE_CHECKING:
    from agents_defs.model_provider import NamedModel
    from agents_defs.run_order import CallState
    from agents_defs.run_scope import RunScope

CHARS_PER_TOKEN = 4
"""A guess for calls whose provider never said; right within a third for English and JSON."""


class CallMeter:
    """Opened before a call is sent. `settle` or `leave_unknown` follows, or neither where it was not paid."""

    __slots__ = ("_agent", "_model", "_rates", "_scope", "_started", "_warning", "call_id")

    def __init__(self, scope: RunScope, model: NamedModel, agent: str, call_id: str) -> None:
        self._scope = scope
        self._model = model.name
        self._agent = agent
        self._rates = model.rates()
        self._started = scope.run.now()
        self._warning: asyncio.TimerHandle | None = None
        self.call_id = call_id

    def warn_after(self, threshold_s: float) -> None:
        self._warning = asyncio.get_running_loop().call_later(threshold_s, self._slow, threshold_s)

    def ended(self) -> None:
        if self._warning is not None:
            self._warning.cancel()

    def foreseen(self, asked_characters: int) -> ModelCall:
        """The call as it would be booked if nothing were ever heard of it again."""
        return self._call("unknown", _guess(asked_characters, 0), self._started)

    def most(self, asked_characters: int, output_tokens: int) -> Foreseen:
        """What it may use."""
        asked = asked_characters // CHARS_PER_TOKEN + 1
        return Foreseen(asked + output_tokens, self._rates.cost(asked, 0, 0, output_tokens))

    def settle(self, usage: Usage) -> ModelCall:
        """The provider said what it counted."""
        return self._told("settled", usage)

    def leave_unknown(self, asked_characters: int, said_characters: int) -> ModelCall:
        """The answer was cut off, so what was billed is a guess: all that was sent, and what had come in."""
        return self._told("unknown", _guess(asked_characters, said_characters))

    def _told(self, state: CallState, usage: Usage) -> ModelCall:
        call = self._call(state, usage, self._scope.run.now())
        self._scope.run.settle(call)
        return call

    def _call(self, state: CallState, usage: Usage, finished: float) -> ModelCall:
        details = usage.input_tokens_details
        cached = details.cached_tokens or 0
        cache_write = getattr(details, "cache_write_tokens", 0) or 0
        return ModelCall(
            call_id=self.call_id,
            model=self._model,
            agent=self._agent,
            purpose=self._scope.purpose,
            state=state,
            input_tokens=usage.input_tokens,
            cached_tokens=cached,
            output_tokens=usage.output_tokens,
            reasoning_tokens=usage.output_tokens_details.reasoning_tokens or 0,
            cost_usd=self._rates.cost(usage.input_tokens, cached, cache_write, usage.output_tokens),
            price_source=self._rates.source,
            started=self._started,
            finished=finished,
        )

    def _slow(self, threshold_s: float) -> None:
        notice = SlowNotice("model_call", self._agent, threshold_s, call_id=self.call_id, model=self._model)
        self._scope.run.listener.on_slow(notice)


def _guess(asked_characters: int, said_characters: int) -> Usage:
    asked, said = asked_characters // CHARS_PER_TOKEN, said_characters // CHARS_PER_TOKEN
    return Usage(requests=1, input_tokens=asked, output_tokens=said, total_tokens=asked + said)
