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

from agents import Model, ModelResponse

from agents_defs.call_meter import CHARS_PER_TOKEN
from agents_defs.model_request import ModelRequest
from agents_defs.model_turn import ModelTurn
from agents_defs.run_order import Foreseen
from agents_defs.run_scope import SCOPE
from agents_defs.whole_answer import completed

if TYPE_CHECKING:
    from agents import ModelSettings
    from agents.agent_output import AgentOutputSchemaBase
    from agents.handoffs import Handoff
    from agents.items import TResponseInputItem, TResponseStreamEvent
    from agents.models.interface import ModelTracing
    from agents.retry import ModelRetryAdvice, ModelRetryAdviceRequest
    from agents.tool import Tool
    from openai.types.responses.response_prompt_param import ResponsePromptParam

    from agents_defs.agent_spec import AgentSpec
    from agents_defs.model_ladder import Rung


class MeteredModel(Model):
    """A model as one agent of a graph uses it."""

    def __init__(self, ladder: tuple[Rung, ...], agent: str, spec: AgentSpec) -> None:
        self.named = ladder[0].model
        self._ladder = ladder
        self._inner = self.named.model
        self._agent = agent
        self._spec = spec

    def foreseen(self, characters: int, output_tokens: int) -> Foreseen:
        """What it may use at most for a question and an answer of these lengths."""
        asked = characters // CHARS_PER_TOKEN + 1
        return Foreseen(asked + output_tokens, self.named.rates().cost(asked, 0, 0, output_tokens))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_inner"], name)  # what the SDK asks of the models that it knows

    def get_retry_advice(self, request: ModelRetryAdviceRequest) -> ModelRetryAdvice | None:
        return self._inner.get_retry_advice(request)

    async def close(self) -> None:
        await self._inner.close()

    async def _cleanup_on_run_end(self, owner: object) -> None:
        await self._inner._cleanup_on_run_end(owner)  # noqa: SLF001  part of the interface that is wrapped

    async def get_response(  # noqa: PLR0913, PLR0917  the SDK's interface
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],  # noqa: A002  the SDK names it so
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
        *,
        previous_response_id: str | None,
        conversation_id: str | None,
        prompt: ResponsePromptParam | None,
    ) -> ModelResponse:
        request = ModelRequest(
            (system_instructions, input, model_settings, tools, output_schema, handoffs, tracing),
            {
                "previous_response_id": previous_response_id,
                "conversation_id": conversation_id,
                "prompt": prompt,
            },
        )
        scope = SCOPE.get()
        if scope is None:  # outside of any run: somebody tries an agent out
            return await self._inner.get_response(*request.positional, **request.named)
        return await ModelTurn(scope, self._agent, self._spec, self._ladder, request).answer()

    async def stream_response(  # noqa: PLR0913, PLR0917  the SDK's interface
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],  # noqa: A002  the SDK names it so
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
        *,
        previous_response_id: str | None,
        conversation_id: str | None,
        prompt: ResponsePromptParam | None,
    ) -> AsyncIterator[TResponseStreamEvent]:
        request = ModelRequest(
            (system_instructions, input, model_settings, tools, output_schema, handoffs, tracing),
            {
                "previous_response_id": previous_response_id,
                "conversation_id": conversation_id,
                "prompt": prompt,
            },
        )
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
