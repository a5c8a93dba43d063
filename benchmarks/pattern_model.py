"""The model of the patterns' bench: answers at once what brings each pattern through all its steps."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from agents import AgentOutputSchemaBase, FunctionTool, Model, ModelBehaviorError, ModelResponse, Usage
from agents.items import TResponseStreamEvent
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from benchmarks.conversation import ANSWER

PATTERNS = (
    "single-agent",
    "handoffs",
    "agents-as-tools",
    "hierarchy",
    "pipeline",
    "round-robin",
    "debate",
    "voting",
    "critic-loop",
    "language-router",
    "planner-executor",
)
"""All but those that wait for a person or keep what they remember elsewhere than the run does."""
ARGUMENTS: dict[str, Any] = {
    "lookup_order": {"order": 7},
    "refund_status": {"order": 12},
    "search_documents": {"query": "delivery", "limit": 2},
    "search_knowledge_base": {"query": "gateway offline", "limit": 2},
    "ask_orders": {"input": "Where is order 7?"},
    "transfer_to_billing": {"reason": "charged twice", "order": 12, "urgency": "normal"},
}
TYPED = (
    {"topics": ["delivery", "backpressure", "offsets"]},
    {"steps": [{"task": "Look up order 7."}, {"task": "Look up the refund of order 12."}]},
    {"parts": [{"worker": "orders", "task": "?"}, {"worker": "devices", "task": "?"}]},
    {"good_enough": True, "advice": ""},
    {"winner": "for", "reason": ANSWER},
    {"choice": "approve", "reason": ANSWER},
    {"language": "german"},
    {"ok": True, "result": ANSWER},
    {"order": 7, "status": "delivered", "answer": ANSWER},
)
"""An agent with an output type gets the first of these that fits it."""


class PatternModel(Model):
    """One for all agents: hands off and calls a tool once where it can, then answers."""

    def __init__(self) -> None:
        self._typed: dict[str, str] = {}

    async def get_response(self, *given: Any, **named: Any) -> ModelResponse:
        """What comes next after what it is shown."""
        _, shown, _, tools, schema, handoffs = given[:6] if given else _named(named)
        results = 0 if isinstance(shown, str) else sum(map(_is_result, shown))
        if not results and (name := _callable(tools, handoffs)):
            return _response(_call(name))
        plain = schema is None or schema.is_plain_text()
        return _response(_message(ANSWER if plain else self._answer(schema)))

    def stream_response(self, *_: Any, **__: Any) -> AsyncIterator[TResponseStreamEvent]:
        """Nobody is asked to stream."""
        raise TypeError("the bench does not stream")

    def _answer(self, schema: AgentOutputSchemaBase) -> str:
        key = json.dumps(sorted(schema.json_schema()["properties"]))
        if key not in self._typed:
            self._typed[key] = next(text for text in map(json.dumps, TYPED) if _fits(schema, text))
        return self._typed[key]


def _named(named: dict[str, Any]) -> tuple[Any, ...]:
    wanted = ("system_instructions", "input", "model_settings", "tools", "output_schema", "handoffs")
    return tuple(named[name] for name in wanted)


def _callable(tools: list[Any], handoffs: list[Any]) -> str | None:
    names = [
        *(one.tool_name for one in handoffs),
        *(tool.name for tool in tools if isinstance(tool, FunctionTool)),
    ]
    return next((name for name in names if name in ARGUMENTS), None)


def _is_result(item: Any) -> bool:
    """A hand-off's own note is none of the agent's that it went to."""
    return item.get("type") == "function_call_output" and '"assistant"' not in str(item["output"])


def _fits(schema: AgentOutputSchemaBase, text: str) -> bool:
    try:
        schema.validate_json(text)
    except (ModelBehaviorError, ValueError):
        return False
    return True


def _call(name: str) -> ResponseFunctionToolCall:
    arguments = json.dumps(ARGUMENTS[name])
    return ResponseFunctionToolCall(
        type="function_call", name=name, call_id=f"call_{name}", arguments=arguments
    )


def _message(text: str) -> ResponseOutputMessage:
    content = ResponseOutputText(type="output_text", text=text, annotations=[])
    return ResponseOutputMessage(
        id="msg_bench", type="message", role="assistant", status="completed", content=[content]
    )


def _response(item: ResponseFunctionToolCall | ResponseOutputMessage) -> ModelResponse:
    usage = Usage(requests=1, input_tokens=24, output_tokens=14, total_tokens=38)
    return ModelResponse(output=[item], usage=usage, response_id="resp_bench")
