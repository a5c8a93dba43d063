"""Writes answers the way the Chat Completions API does: one body, or server-sent chunks."""

from typing import Any

import orjson

from app.simulator.answers import Answer, Usage, pieces
from app.simulator.model_call import ModelCall
from app.simulator.script import ARGUMENT_DELTAS, Script, Stamp

Json = dict[str, Any]


def whole(call: ModelCall, answer: Answer, stamp: Stamp) -> bytes:
    message: Json = {"role": "assistant", "content": answer.text, "refusal": None, "annotations": []}
    if answer.calls:
        message |= {"content": None, "tool_calls": _tool_calls(call, answer)}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(answer)}
    return orjson.dumps(
        _envelope("chat.completion", call, stamp) | {"choices": [choice], "usage": _usage(answer.usage)}
    )


def script(call: ModelCall, answer: Answer, stamp: Stamp, deltas: int) -> Script:
    counted = bool((call.body.get("stream_options") or {}).get("include_usage"))
    envelope = _envelope("chat.completion.chunk", call, stamp) | ({"usage": None} if counted else {})
    opening = _chunk(
        envelope, {"role": "assistant", "content": None if answer.calls else "", "refusal": None}
    )
    if answer.calls:
        parts = _call_chunks(envelope, _tool_calls(call, answer))
    else:
        parts = [_chunk(envelope, {"content": piece}) for piece in pieces(answer.text, deltas)]
    closing = _chunk(envelope, {}, _finish(answer))
    if counted:
        closing += _event({**envelope, "choices": [], "usage": _usage(answer.usage)})
    garbled = b'data: {"choices": [{"index": 0, "delta": {"content": "cut sh\n\n'
    return Script(opening, tuple(parts), closing + b"data: [DONE]\n\n", garbled)


def _call_chunks(envelope: Json, calls: list[Json]) -> list[bytes]:
    """Each call's name comes in one piece with the first part of its arguments."""
    parts = []
    for index, tool in enumerate(calls):
        arguments = tool["function"]["arguments"]
        start = {"index": index, **tool, "function": {**tool["function"], "arguments": ""}}
        pending = _chunk(envelope, {"tool_calls": [start]})
        for piece in pieces(arguments, ARGUMENT_DELTAS) or [""]:
            delta = {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
            parts.append(pending + _chunk(envelope, delta))
            pending = b""
    return parts


def _chunk(envelope: Json, delta: Json, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return _event({**envelope, "choices": [choice]})


def _event(data: Json) -> bytes:
    return b"data: %b\n\n" % orjson.dumps(data)


def _envelope(kind: str, call: ModelCall, stamp: Stamp) -> Json:
    return {
        "id": stamp.answer_id,
        "object": kind,
        "created": stamp.created_at,
        "model": call.model,
        "service_tier": "default",
        "system_fingerprint": "fp_simulator",
    }


def _tool_calls(call: ModelCall, answer: Answer) -> list[Json]:
    return [
        {
            "id": f"call_{call.input_sha256[:24]}{number:02d}",
            "type": "function",
            "function": {"name": tool.name, "arguments": tool.arguments},
        }
        for number, tool in enumerate(answer.calls)
    ]


def _finish(answer: Answer) -> str:
    if answer.calls:
        return "tool_calls"
    return "length" if answer.cut_short else "stop"


def _usage(usage: Usage) -> Json:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
