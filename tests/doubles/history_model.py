"""A model whose answers depend on what it is asked and on nothing else, and that knows who asked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

from agents import Model, ModelResponse, Usage
from openai.types.responses import ResponseOutputMessage

from agents_defs.model_request import CALL_ID_HEADER
from agents_defs.testing.answer_events import streamed
from agents_defs.whole_answer import completed as completed

Script = Callable[[str | None, list[Any]], Any]
"""Instructions and input in; output items out. An exception is raised."""
ASKED, SAID = 100, 10


class HistoryModel(Model):
    """`asked`: the ids of the calls that came in."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.asked: list[str] = []

    async def get_response(self, *positional: Any, **_: Any) -> Any:
        instructions, asked, settings = positional[:3]
        self.asked.append((settings.extra_headers or {}).get(CALL_ID_HEADER, ""))
        await asyncio.sleep(0)
        found = self._script(instructions, asked if isinstance(asked, list) else [{"content": asked}])
        if isinstance(found, Exception):
            raise found
        usage = Usage(requests=1, input_tokens=ASKED, output_tokens=SAID, total_tokens=ASKED + SAID)
        return ModelResponse(output=found, usage=usage, response_id=f"resp-{len(self.asked)}")

    async def stream_response(self, *positional: Any, **named: Any) -> AsyncIterator[Any]:
        answer = await self.get_response(*positional, **named)
        for event in streamed(answer, _words(answer.output)):
            yield event


def results(asked: list[Any]) -> list[Any]:
    """What the tools gave back so far."""
    return [
        item["output"]
        for item in asked
        if isinstance(item, dict) and item.get("type") == "function_call_output"
    ]


def _words(output: list[Any]) -> list[str]:
    messages = [item for item in output if isinstance(item, ResponseOutputMessage)]
    texts = [part.text for item in messages for part in item.content if part.type == "output_text"]
    return re.findall(r"\S+\s*", "".join(texts))
