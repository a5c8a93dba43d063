"""The seam of every model call: what the SDK asks becomes a turn of the run that asks.

A run's scope tells whether somebody watches. If so the inner model is asked to stream, and what it says goes
to the feed from there, although the SDK itself does not stream: its own streaming sends each event through a
queue to another task, which costs more and, where a run is cut off, leaves tasks behind.

Where the SDK streams all the same, inside of a tool, it gets the events when the answer is recorded: it acts
on what it gets.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from agents_defs.call_meter import CHARS_PER_TOKEN
from agents_defs.model_request import as_asked
from agents_defs.model_turn import ModelTurn
from agents_defs.run_order import Foreseen
from agents_defs.run_scope import SCOPE
from agents_defs.whole_answer import completed
from agents_defs.wrapped_model import WrappedModel

if TYPE_CHECKING:
    from agents import ModelResponse
    from agents.items import TResponseStreamEvent

    from agents_defs.agent_spec import AgentSpec
    from agents_defs.model_ladder import Rung


class MeteredModel(WrappedModel):
    """A model as one agent of a graph uses it."""

    def __init__(self, ladder: tuple[Rung, ...], agent: str, spec: AgentSpec) -> None:
        self.named = ladder[0].model
        super().__init__(self.named.model)
        self._ladder = ladder
        self._agent = agent
        self._spec = spec

    def foreseen(self, characters: int, output_tokens: int) -> Foreseen:
        """What it may use at most for a question and an answer of these lengths."""
        asked = characters // CHARS_PER_TOKEN + 1
        return Foreseen(asked + output_tokens, self.named.rates().cost(asked, 0, 0, output_tokens))

    async def get_response(self, *positional: Any, **named: Any) -> ModelResponse:
        request = as_asked(*positional, **named)
        scope = SCOPE.get()
        if scope is None:  # outside of any run: somebody tries an agent out
            return await self._inner.get_response(*request.positional, **request.named)
        return await ModelTurn(scope, self._agent, self._spec, self._ladder, request).answer()

    async def stream_response(self, *positional: Any, **named: Any) -> AsyncIterator[TResponseStreamEvent]:
        request = as_asked(*positional, **named)
        scope = SCOPE.get()
        if scope is None:
            async for event in self._inner.stream_response(*request.positional, **request.named):
                yield event
            return
        events: list[TResponseStreamEvent] = []
        turn = ModelTurn(scope, self._agent, self._spec, self._ladder, request, events)
        response = await turn.answer()
        for event in events or [completed(response)]:
            yield event
