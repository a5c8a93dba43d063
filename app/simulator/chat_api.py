"""Reads calls of the Chat Completions API."""

from collections.abc import Mapping
from typing import Any

import orjson

from app.simulator.api_errors import InvalidCallError
from app.simulator.demands import demands, flattened
from app.simulator.model_call import ModelCall, Turn, content_text, digest
from app.simulator.tokens import estimate


def read(body: Mapping[str, Any]) -> ModelCall:
    if (body.get("n") or 1) != 1:
        raise InvalidCallError("the simulator gives one choice per call: n must be 1", "n")
    if not isinstance(body.get("stream_options") or {}, Mapping):
        raise InvalidCallError("stream_options must be an object", "stream_options")
    messages = body.get("messages")
    tools = body.get("tools") or ()
    return ModelCall(
        api="chat",
        model=body["model"],
        body=body,
        input_sha256=digest(messages),
        turns=_turns(messages),
        demands=demands(
            map(flattened, tools),
            flattened(body.get("tool_choice")),
            flattened(body.get("response_format")),
            body.get("max_completion_tokens") or body.get("max_tokens"),
        ),
        streamed=bool(body.get("stream")),
        fixed_tokens=estimate(orjson.dumps(tools)) if tools else 0,
    )


def _turns(messages: object) -> tuple[Turn, ...]:
    if not isinstance(messages, list) or not messages:
        raise InvalidCallError("messages must be a list with at least one message", "messages")
    called: dict[object, str] = {}
    turns = []
    for message in messages:
        match message:
            case {"role": "tool", "tool_call_id": call_id, "content": content}:
                turns.append(Turn("output", content_text(content), called.get(call_id, "")))
            case {"role": "assistant", "tool_calls": [*calls]}:
                functions = {call.get("id"): call.get("function") or {} for call in calls}
                called.update((key, str(function.get("name"))) for key, function in functions.items())
                said = "".join(
                    f"{each.get('name')}{each.get('arguments', '')}" for each in functions.values()
                )
                turns.append(Turn("other", content_text(message.get("content")) + said))
            case {"role": "user"}:
                turns.append(Turn("user", content_text(message.get("content"))))
            case {"role": str()}:
                turns.append(Turn("other", content_text(message.get("content"))))
            case _:
                raise InvalidCallError("a message has no role", "messages")
    return tuple(turns)
