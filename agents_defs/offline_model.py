"""A model without a network: computes its answers from the input by fixed rules.

For demonstrations, tests and development. It picks hand-offs and tools by the words that they share with the
request, takes arguments from the text, and words its answers from what the tools returned. It says that it is
offline.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from agents import FunctionTool, Model, ModelResponse, Usage
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseTextDeltaEvent,
    ResponseUsage,
)
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

from agents_defs.offline import conversation as conversations
from agents_defs.offline.choices import Target, next_calls
from agents_defs.offline.structured import structured_answer
from agents_defs.offline.wording import answer

if TYPE_CHECKING:
    from agents import ModelSettings
    from agents.agent_output import AgentOutputSchemaBase
    from agents.handoffs import Handoff
    from agents.items import TResponseInputItem, TResponseOutputItem, TResponseStreamEvent
    from agents.models.interface import ModelTracing
    from agents.tool import Tool
    from openai.types.responses.response_prompt_param import ResponsePromptParam

NAME = "offline"
CHARS_PER_TOKEN = 4
_WORDS = re.compile(r"\S+\s*|\s+")


class OfflineModel(Model):
    """`delay_s` passes between the words of a streamed answer, so that streaming can be seen."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self._delay_s = delay_s

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
        previous_response_id: str | None = None,
        conversation_id: str | None = None,
        prompt: ResponsePromptParam | None = None,
    ) -> ModelResponse:
        told = system_instructions or ""
        items = _items(told, input, _targets(tools, handoffs), output_schema, model_settings)
        return ModelResponse(
            output=items, usage=_usage(told, input, items), response_id=_id("resp", told, input)
        )

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
        previous_response_id: str | None = None,
        conversation_id: str | None = None,
        prompt: ResponsePromptParam | None = None,
    ) -> AsyncIterator[TResponseStreamEvent]:
        told = system_instructions or ""
        items = _items(told, input, _targets(tools, handoffs), output_schema, model_settings)
        number = 0
        for index, item in enumerate(items):
            for word in _spoken(item):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                yield _delta(word, index, number)
                number += 1
            yield ResponseOutputItemDoneEvent(
                type="response.output_item.done", item=item, output_index=index, sequence_number=number
            )
            number += 1
        response = _response(_id("resp", told, input), items, _usage(told, input, items))
        yield ResponseCompletedEvent(type="response.completed", response=response, sequence_number=number)


def _items(
    instructions: str,
    asked: str | Sequence[Any],
    targets: Sequence[Target],
    output_schema: AgentOutputSchemaBase | None,
    settings: ModelSettings,
) -> list[TResponseOutputItem]:
    """What the model puts out: calls, or one message."""
    said = conversations.read(asked)
    choice = settings.tool_choice if isinstance(settings.tool_choice, str) else None
    calls = next_calls(said, instructions, targets, choice)
    if calls:
        return [
            ResponseFunctionToolCall(
                type="function_call",
                call_id=_id("call", instructions, asked, place, call.name, call.arguments),
                name=call.name,
                arguments=call.arguments,
            )
            for place, call in enumerate(calls)
        ]
    if output_schema is not None and not output_schema.is_plain_text():
        text = structured_answer(said, instructions, output_schema)
    else:
        text = answer(said, instructions)
    content = ResponseOutputText(type="output_text", text=text, annotations=[])
    message_id = _id("msg", instructions, asked)
    message = ResponseOutputMessage(
        id=message_id, type="message", role="assistant", status="completed", content=[content]
    )
    return [message]


def _targets(tools: Sequence[Tool], handoffs: Sequence[Handoff]) -> list[Target]:
    """Hosted tools cannot be called from here, so they are passed over."""
    callable_tools = [
        Target(tool.name, tool.name, tool.description, tool.params_json_schema, is_handoff=False)
        for tool in tools
        if isinstance(tool, FunctionTool)
    ]
    onward = [
        Target(one.tool_name, one.agent_name, one.tool_description, one.input_json_schema, is_handoff=True)
        for one in handoffs
    ]
    return callable_tools + onward


def _spoken(item: TResponseOutputItem) -> list[str]:
    """The words of a message, each with the space after it."""
    if not isinstance(item, ResponseOutputMessage):
        return []
    return [
        word
        for part in item.content
        if isinstance(part, ResponseOutputText)
        for word in _WORDS.findall(part.text)
    ]


def _delta(word: str, index: int, number: int) -> ResponseTextDeltaEvent:
    return ResponseTextDeltaEvent(
        type="response.output_text.delta",
        delta=word,
        item_id=f"msg_{index}",
        output_index=index,
        content_index=0,
        sequence_number=number,
        logprobs=[],
    )


def _response(response_id: str, items: list[Any], usage: Usage) -> Response:
    reported = ResponseUsage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        total_tokens=usage.total_tokens,
        input_tokens_details=usage.input_tokens_details,
        output_tokens_details=usage.output_tokens_details,
    )
    return Response(
        id=response_id,
        created_at=0,
        model=NAME,
        object="response",
        output=items,
        tool_choice="auto",
        tools=[],
        parallel_tool_calls=True,
        usage=reported,
    )


def _usage(instructions: str, asked: Any, items: Sequence[TResponseOutputItem]) -> Usage:
    """Estimated: nobody counts tokens here."""
    said = asked if isinstance(asked, str) else json.dumps(asked, default=str)
    written = sum(
        len(item.arguments) + len(item.name)
        if isinstance(item, ResponseFunctionToolCall)
        else sum(map(len, _spoken(item)))
        for item in items
    )
    read, put_out = _tokens(len(instructions) + len(said)), _tokens(written)
    return Usage(
        requests=1,
        input_tokens=read,
        output_tokens=put_out,
        total_tokens=read + put_out,
        input_tokens_details=InputTokensDetails(cached_tokens=0, cache_write_tokens=0),
        output_tokens_details=OutputTokensDetails(reasoning_tokens=0),
    )


def _tokens(characters: int) -> int:
    return max(1, characters // CHARS_PER_TOKEN)


def _id(kind: str, *seeds: Any) -> str:
    """The same for the same input, so that a run that is repeated repeats its ids."""
    seed = json.dumps(seeds, default=str).encode()
    return f"{kind}_{blake2b(seed, digest_size=12).hexdigest()}"
