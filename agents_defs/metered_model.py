"""The seam of every model call: named, timed out, metered, told, and its errors translated.

A run's scope tells whether somebody watches. If so the inner model is asked to stream, and what it says goes
to the feed from here, although the SDK itself does not stream: its own streaming sends each event through a
queue to another task, which costs more and, where a run is cut off, leaves tasks behind.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from agents import FunctionTool, Model, ModelBehaviorError, ModelResponse

from agents_defs.call_meter import CallMeter
from agents_defs.provider_failures import call_failure
from agents_defs.run_scope import SCOPE
from agents_defs.streamed_answer import StreamedAnswer
from schemas.failures import Code, RunFailure

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
    from agents_defs.delta_feed import DeltaFeed
    from agents_defs.model_provider import NamedModel
    from agents_defs.run_scope import RunScope

CALL_ID_HEADER = "X-Client-Request-Id"


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What the SDK asks a model, as one value."""

    positional: tuple[Any, ...]  # instructions, input, settings, tools, output schema, handoffs, tracing
    named: dict[str, Any]  # previous_response_id, conversation_id, prompt

    def under(self, call_id: str) -> ModelRequest:
        """The same request, with the call's id in its headers."""
        instructions, asked, settings, *rest = self.positional
        marked = copy.copy(settings)
        marked.extra_headers = {**(settings.extra_headers or {}), CALL_ID_HEADER: call_id}
        if settings.include_usage is None:
            marked.include_usage = True  # else streamed chat completions do not tell what they cost
        return ModelRequest((instructions, asked, marked, *rest), self.named)

    def characters(self) -> int:
        """About how much text the provider is sent."""
        instructions, asked, _, tools, _, handoffs, _ = self.positional
        told = [
            (tool.description, tool.params_json_schema) for tool in tools if isinstance(tool, FunctionTool)
        ]
        onward = [(one.tool_description, one.input_json_schema) for one in handoffs]
        return len(json.dumps([instructions, asked, told, onward], default=str))


class MeteredModel(Model):
    """A model as one agent of a graph uses it."""

    def __init__(self, named: NamedModel, agent: str, spec: AgentSpec) -> None:
        self.named = named
        self._inner = named.model
        self._agent = agent
        self._spec = spec

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
        return await self._metered(scope, request)

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
        events = self._events(request) if scope is None else self._metered_events(scope, request)
        async with aclosing(events):
            async for event in events:
                yield event

    async def _metered(self, scope: RunScope, request: ModelRequest) -> ModelResponse:
        feed = None if scope.nested else scope.run.feed
        meter = self._opened(scope, feed)
        marked = request.under(meter.call_id)
        answer = StreamedAnswer()
        try:
            async with asyncio.timeout(self._spec.call_timeout_s):
                if feed is None:
                    response = await self._inner.get_response(*marked.positional, **marked.named)
                else:
                    response = await self._fed(marked, answer, feed)
        except Exception as error:  # noqa: BLE001  all of a provider's errors are translated
            failure = self._failure(error, meter, request, answer)
            raise failure from failure.cause
        except BaseException:
            self._cut(meter, request, answer)
            raise
        finally:
            meter.ended()
        self._settled(meter, request, response)
        return response

    async def _metered_events(
        self, scope: RunScope, request: ModelRequest
    ) -> AsyncGenerator[TResponseStreamEvent, None]:
        meter = self._opened(scope, None)
        answer = StreamedAnswer()
        limit = asyncio.get_running_loop().time() + self._spec.call_timeout_s
        try:
            async with aclosing(self._events(request.under(meter.call_id))) as events:
                while (event := await _next(events, limit)) is not None:
                    answer.take(event)
                    yield event
            response = _whole(answer)
        except Exception as error:  # noqa: BLE001  all of a provider's errors are translated
            failure = self._failure(error, meter, request, answer)
            raise failure from failure.cause
        except BaseException:
            self._cut(meter, request, answer)
            raise
        finally:
            meter.ended()
        self._settled(meter, request, response)

    def _opened(self, scope: RunScope, feed: DeltaFeed | None) -> CallMeter:
        scope.run.check_cost()
        if feed is not None:
            feed.turn_started(self._agent)
        meter = CallMeter(scope, self.named.name, self._agent, self.named.rates())
        meter.warn_after(self._spec.warn_after_s)
        return meter

    async def _fed(self, request: ModelRequest, answer: StreamedAnswer, feed: DeltaFeed) -> ModelResponse:
        async with aclosing(self._events(request)) as events:
            async for event in events:
                answer.take(event)
                feed.model_said(event)
        return _whole(answer)

    def _events(self, request: ModelRequest) -> AsyncGenerator[TResponseStreamEvent, None]:
        events = self._inner.stream_response(*request.positional, **request.named)
        return cast("AsyncGenerator[TResponseStreamEvent, None]", events)  # as all implementations have it

    def _settled(self, meter: CallMeter, request: ModelRequest, response: ModelResponse) -> None:
        usage = response.usage
        if usage.input_tokens or usage.output_tokens or not response.output:
            meter.settle(usage)
        else:  # the provider answered but did not count
            meter.leave_unknown(request.characters(), len(str(response.output)))

    def _failure(
        self, error: Exception, meter: CallMeter, request: ModelRequest, answer: StreamedAnswer
    ) -> RunFailure:
        """Meters what a failed call may cost. The failure has no cause that may hold a key."""
        found = call_failure(error, self.named.name, self.named.secrets)
        if found.maybe_paid or answer.usage is not None:
            self._cut(meter, request, answer)
        if isinstance(error, TimeoutError):
            waited = f"model {self.named.name} did not answer within {self._spec.call_timeout_s:g} s"
            return RunFailure(Code.MODEL_TIMEOUT, waited)
        return found.failure

    def _cut(self, meter: CallMeter, request: ModelRequest, answer: StreamedAnswer) -> None:
        if answer.usage is not None:
            meter.settle(answer.usage)
        else:
            meter.leave_unknown(request.characters(), answer.characters)


def _whole(answer: StreamedAnswer) -> ModelResponse:
    response = answer.response()
    if response is None:
        raise ModelBehaviorError("its stream ended before the answer was complete")
    return response


async def _next(
    events: AsyncGenerator[TResponseStreamEvent, None], limit: float
) -> TResponseStreamEvent | None:
    async with asyncio.timeout_at(limit):
        return await anext(events, None)
