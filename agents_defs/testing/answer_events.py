"""An answer as a model streams it: its text part by part, then the whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseTextDeltaEvent,
    ResponseUsage,
)

if TYPE_CHECKING:
    from agents import ModelResponse
    from agents.items import TResponseStreamEvent


def streamed(answer: ModelResponse, parts: Iterable[str]) -> Iterator[TResponseStreamEvent]:
    """The events of this answer, whose text comes in these parts."""
    for part in parts:
        yield ResponseTextDeltaEvent(
            type="response.output_text.delta",
            delta=part,
            item_id="m",
            output_index=0,
            content_index=0,
            sequence_number=0,
            logprobs=[],
        )
    yield completed(answer)


def completed(answer: ModelResponse) -> ResponseCompletedEvent:
    """The last event: all that was answered, and what it cost."""
    usage = answer.usage
    told = ResponseUsage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        total_tokens=usage.total_tokens,
        input_tokens_details=usage.input_tokens_details,
        output_tokens_details=usage.output_tokens_details,
    )
    response = Response(
        id=answer.response_id or "r",
        created_at=0,
        model="history",
        object="response",
        output=answer.output,
        tool_choice="auto",
        tools=[],
        parallel_tool_calls=True,
        usage=told,
    )
    return ResponseCompletedEvent(type="response.completed", sequence_number=0, response=response)
