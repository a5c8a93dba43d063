"""An answer that was not streamed, as the one event of a stream that the SDK cannot do without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openai.types.responses import Response, ResponseCompletedEvent, ResponseUsage

if TYPE_CHECKING:
    from agents import ModelResponse


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
        id=answer.response_id or "recorded",
        created_at=0,
        model="recorded",
        object="response",
        output=answer.output,
        tool_choice="auto",
        tools=[],
        parallel_tool_calls=True,
        usage=told,
    )
    return ResponseCompletedEvent(type="response.completed", sequence_number=0, response=response)
