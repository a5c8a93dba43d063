"""Puts a model's answer together from the events of its stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents import ModelResponse, Usage
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFailedEvent,
    ResponseIncompleteEvent,
    ResponseOutputItem,
    ResponseOutputItemDoneEvent,
    ResponseUsage,
)

if TYPE_CHECKING:
    from agents.items import TResponseStreamEvent


class StreamedAnswer:
    """What has come in so far. `usage` is known once the provider said it, also where the answer failed."""

    def __init__(self) -> None:
        self._items: list[ResponseOutputItem] = []
        self._completed: Response | None = None
        self.usage: Usage | None = None
        self.characters = 0

    def take(self, event: TResponseStreamEvent) -> None:
        if isinstance(event, ResponseOutputItemDoneEvent):
            self._items.append(event.item)
        elif isinstance(event, ResponseCompletedEvent):
            self._completed = event.response
            self.usage = usage_of(event.response.usage)
        elif isinstance(event, ResponseFailedEvent | ResponseIncompleteEvent):
            self.usage = usage_of(event.response.usage)
        else:
            delta = getattr(event, "delta", None)
            if isinstance(delta, str):
                self.characters += len(delta)

    def response(self) -> ModelResponse | None:
        """The whole answer; None where the stream ended before it was complete."""
        completed = self._completed
        if completed is None:
            return None
        return ModelResponse(
            output=completed.output or self._items,
            usage=self.usage or Usage(requests=1),
            response_id=completed.id,
            request_id=getattr(completed, "_request_id", None),
        )


def usage_of(reported: ResponseUsage | None) -> Usage | None:
    if reported is None:
        return None
    return Usage(
        requests=1,
        input_tokens=reported.input_tokens,
        output_tokens=reported.output_tokens,
        total_tokens=reported.total_tokens,
        input_tokens_details=reported.input_tokens_details,
        output_tokens_details=reported.output_tokens_details,
    )
