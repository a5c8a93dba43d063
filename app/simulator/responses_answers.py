"""Writes answers the way the Responses API does: one body, or server-sent events."""

from typing import Any

import orjson

from app.simulator.answers import Answer, Usage, pieces
from app.simulator.model_call import ModelCall
from app.simulator.script import ARGUMENT_DELTAS, REASONING_DELTAS, Script, Stamp

Json = dict[str, Any]

_ECHOED: Json = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "reasoning": {"effort": None, "summary": None},
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
}
"""What a response repeats of its request, and what it says where the request was silent."""


def whole(call: ModelCall, answer: Answer, stamp: Stamp) -> bytes:
    items = _items(call, answer)
    return orjson.dumps(_ended(_shell(call, stamp), answer, [done for _, done in items]))


def script(call: ModelCall, answer: Answer, stamp: Stamp, deltas: int) -> Script:
    shell = _shell(call, stamp)
    tape = _Tape()
    tape.event("response.created", response=shell)
    tape.event("response.in_progress", response=shell)
    opening = tape.taken()
    items = _items(call, answer)
    for index, (started, done) in enumerate(items):
        tape.event("response.output_item.added", output_index=index, item=started)
        match done["type"]:
            case "reasoning":
                _reasoning(tape, index, done)
            case "message":
                _message(tape, index, done, deltas)
            case _:
                _call(tape, index, done)
        tape.event("response.output_item.done", output_index=index, item=done)
    ended = _ended(shell, answer, [done for _, done in items])
    tape.event(f"response.{ended['status']}", response=ended)
    garbled = b'event: response.output_text.delta\ndata: {"delta": "cut sh\n\n'
    return Script(opening, tuple(tape.deltas), tape.taken(), garbled)


class _Tape:
    """Events in their order; each delta closes one piece."""

    def __init__(self) -> None:
        self.deltas: list[bytes] = []
        self._pending: list[bytes] = []
        self._sequence = 0

    def event(self, kind: str, /, **fields: Any) -> None:
        data = orjson.dumps({"type": kind, "sequence_number": self._sequence, **fields})
        self._sequence += 1
        self._pending.append(b"event: %b\ndata: %b\n\n" % (kind.encode(), data))

    def delta(self, kind: str, /, **fields: Any) -> None:
        self.event(kind, **fields)
        self.deltas.append(self.taken())

    def taken(self) -> bytes:
        taken = b"".join(self._pending)
        self._pending.clear()
        return taken


def _reasoning(tape: _Tape, index: int, item: Json) -> None:
    at = {"item_id": item["id"], "output_index": index, "summary_index": 0}
    (part,) = item["summary"]
    tape.event("response.reasoning_summary_part.added", **at, part={**part, "text": ""})
    for piece in pieces(part["text"], REASONING_DELTAS):
        tape.delta("response.reasoning_summary_text.delta", **at, delta=piece)
    tape.event("response.reasoning_summary_text.done", **at, text=part["text"])
    tape.event("response.reasoning_summary_part.done", **at, part=part)


def _message(tape: _Tape, index: int, item: Json, deltas: int) -> None:
    at = {"item_id": item["id"], "output_index": index, "content_index": 0}
    (part,) = item["content"]
    tape.event("response.content_part.added", **at, part={**part, "text": ""})
    for piece in pieces(part["text"], deltas):
        tape.delta("response.output_text.delta", **at, delta=piece, logprobs=[])
    tape.event("response.output_text.done", **at, text=part["text"], logprobs=[])
    tape.event("response.content_part.done", **at, part=part)


def _call(tape: _Tape, index: int, item: Json) -> None:
    at = {"item_id": item["id"], "output_index": index}
    for piece in pieces(item["arguments"], ARGUMENT_DELTAS):
        tape.delta("response.function_call_arguments.delta", **at, delta=piece)
    tape.event("response.function_call_arguments.done", **at, name=item["name"], arguments=item["arguments"])


def _items(call: ModelCall, answer: Answer) -> list[tuple[Json, Json]]:
    """Each output item as it starts and as it ends; ids follow from the input."""
    seed = call.input_sha256[:24]
    items: list[tuple[Json, Json]] = []
    if answer.reasoning:
        started = {"id": f"rs_{seed}", "type": "reasoning", "summary": []}
        items.append((started, {**started, "summary": [{"type": "summary_text", "text": answer.reasoning}]}))
    for number, tool in enumerate(answer.calls):
        started = {
            "id": f"fc_{seed}{number:02d}",
            "type": "function_call",
            "status": "in_progress",
            "call_id": f"call_{seed}{number:02d}",
            "name": tool.name,
            "arguments": "",
        }
        items.append((started, {**started, "status": "completed", "arguments": tool.arguments}))
    if not answer.calls:
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": answer.text}
        started = {
            "id": f"msg_{seed}",
            "type": "message",
            "status": "in_progress",
            "role": "assistant",
            "content": [],
        }
        status = "incomplete" if answer.cut_short else "completed"
        items.append((started, {**started, "status": status, "content": [part]}))
    return items


def _shell(call: ModelCall, stamp: Stamp) -> Json:
    """The response before anything is in it."""
    body = call.body
    return {
        "id": stamp.answer_id,
        "object": "response",
        "created_at": stamp.created_at,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": call.model,
        "output": [],
        "previous_response_id": None,
        "service_tier": "default",
        **{name: body.get(name, silent) for name, silent in _ECHOED.items()},
        "usage": None,
    }


def _ended(shell: Json, answer: Answer, output: list[Json]) -> Json:
    status = "incomplete" if answer.cut_short else "completed"
    details = {"reason": "max_output_tokens"} if answer.cut_short else None
    return {
        **shell,
        "status": status,
        "incomplete_details": details,
        "output": output,
        "usage": _usage(answer.usage),
    }


def _usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
