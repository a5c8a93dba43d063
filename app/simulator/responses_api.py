"""Reads calls of the Responses API."""

from collections.abc import Mapping
from typing import Any

import orjson

from app.simulator.api_errors import InvalidCallError
from app.simulator.demands import demands
from app.simulator.model_call import ModelCall, Turn, content_text, digest
from app.simulator.tokens import estimate

UNSUPPORTED = ("previous_response_id", "conversation", "background", "prompt")
"""They need a provider that remembers; this one keeps nothing between calls."""


def read(body: Mapping[str, Any]) -> ModelCall:
    for name in UNSUPPORTED:
        if body.get(name):
            raise InvalidCallError(f"the simulator keeps nothing between calls: no {name}", name)
    given = body.get("input", "")
    instructions = body.get("instructions")
    tools = body.get("tools") or ()
    form = (body.get("text") or {}).get("format")
    return ModelCall(
        api="responses",
        model=body["model"],
        body=body,
        input_sha256=digest([instructions, given]),
        turns=_turns(given),
        demands=demands(tools, body.get("tool_choice"), form, body.get("max_output_tokens")),
        streamed=bool(body.get("stream")),
        fixed_tokens=estimate(str(instructions or "")) + (estimate(orjson.dumps(tools)) if tools else 0),
    )


def _turns(given: object) -> tuple[Turn, ...]:
    if isinstance(given, str):
        return (Turn("user", given),)
    if not isinstance(given, list):
        raise InvalidCallError("input must be a string or a list of items", "input")
    called: dict[object, str] = {}
    turns = []
    for item in given:
        match item:
            case {"type": "function_call", "call_id": call_id, "name": str(name)}:
                called[call_id] = name
                turns.append(Turn("other", f"{name}{item.get('arguments', '')}"))
            case {"type": "function_call_output", "call_id": call_id, "output": output}:
                turns.append(Turn("output", content_text(output), called.get(call_id, "")))
            case {"role": role, "content": content}:
                turns.append(Turn("user" if role == "user" else "other", content_text(content)))
            case {"type": "reasoning"}:
                turns.append(Turn("other", content_text(item.get("summary"))))
            case {"type": str()}:
                turns.append(Turn("other", orjson.dumps(item).decode()))
            case _:
                raise InvalidCallError("an item of input has neither a type nor a role", "input")
    return tuple(turns)
