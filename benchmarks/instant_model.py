"""The model that all contestants share: a fixed short answer, at once or after a fixed time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from agents import Model, ModelResponse, Usage
from agents.items import TResponseStreamEvent
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

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
    return _response(message)


def tool_call(number: int) -> ModelResponse:
    """A new response that calls the tool; the number sets the calls of one run apart."""
    call = ResponseFunctionToolCall(
        type="function_call", name="look_up", call_id=f"call_{number}", arguments='{"order": "4711"}'
    )
    return _response(call)


def _response(item: ResponseOutputMessage | ResponseFunctionToolCall) -> ModelResponse:
    usage = Usage(requests=1, input_tokens=24, output_tokens=14, total_tokens=38)
    return ModelResponse(output=[item], usage=usage, response_id="resp_bench")


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


class SteppingModel(InstantModel):
    """Calls the tool so many times, one after the other, and then answers; all at once."""

    def __init__(self, tool_calls: int) -> None:
        super().__init__()
        self._tool_calls = tool_calls

    async def get_response(self, *given: Any, **named: Any) -> ModelResponse:
        """What comes next after what it is shown, for the same model serves all runs."""
        shown = named["input"] if "input" in named else given[1]
        results = 0 if isinstance(shown, str) else sum(map(_is_result, shown))
        return tool_call(results) if results < self._tool_calls else fixed_answer()


def _is_result(item: Any) -> bool:
    return bool(item.get("type") == "function_call_output")


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
