"""The model that all contestants share: a fixed short answer, at once or after a fixed time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from agents import Model, ModelResponse, Usage
from agents.items import TResponseStreamEvent
from openai.types.responses import ResponseOutputMessage, ResponseOutputText

from benchmarks.conversation import ANSWER


def fixed_answer() -> ModelResponse:
    """A new response each time, as a provider's client makes one."""
    message = ResponseOutputMessage(
        id="msg_bench",
        type="message",
        role="assistant",
        status="completed",
        content=[ResponseOutputText(type="output_text", text=ANSWER, annotations=[])],
    )
    usage = Usage(requests=1, input_tokens=24, output_tokens=14, total_tokens=38)
    return ModelResponse(output=[message], usage=usage, response_id="resp_bench")


class InstantModel(Model):
    """Answers after `latency_s`; 0 does not even yield to the event loop."""

    def __init__(self, latency_s: float = 0.0) -> None:
        self._latency_s = latency_s

    async def get_response(self, *_: Any, **__: Any) -> ModelResponse:
        """The fixed answer."""
        if self._latency_s:
            await asyncio.sleep(self._latency_s)
        return fixed_answer()

    def stream_response(self, *_: Any, **__: Any) -> AsyncIterator[TResponseStreamEvent]:
        """No contestant is asked to stream."""
        raise TypeError("the bench does not stream")


class GatheringModel(InstantModel):
    """Holds every call until `count` of them wait, tells so, and answers all when it is let go."""

    def __init__(self, count: int, gathered: Callable[[], object]) -> None:
        super().__init__()
        self._left = count
        self._gathered = gathered
        self.go = asyncio.Event()

    async def get_response(self, *_: Any, **__: Any) -> ModelResponse:
        """Wait with the others."""
        self._left -= 1
        if self._left == 0:
            self._gathered()
        await self.go.wait()
        return fixed_answer()
