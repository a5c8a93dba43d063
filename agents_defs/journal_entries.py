"""How the entries of a run's journal are named, written and read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from agents import ModelResponse
from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from agents_defs.run_order import ModelCall

MODEL, TOOL, INTENT, GUARDRAIL, MOMENT, CALL = "m:", "t:", "i:", "g:", "n:", "c:"
_RESPONSE = TypeAdapter(ModelResponse)
_DIGITS = re.compile(r"(\d+)")
_PLACE = re.compile(r"(?P<place>.*m\d+)\.\d+(?:-\d+)?")


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """What a model answered, to which question."""

    digest: str
    model: str  # which of the ladder's models
    degraded: bool  # it was not the first of them
    response: ModelResponse
    redacted: bool = False  # as the model said it, with placeholders


@dataclass(frozen=True, slots=True)
class ToolEntry:
    """What a tool gave back."""

    output: Any  # JSON, as `tool_output.py` makes it
    ok: bool
    degraded: bool
    worded: bool = True  # by the tool, and not by the SDK, which words failures of tools that do not
    redacted: bool = False  # `output` is JSON with placeholders, as a text


@dataclass(frozen=True, slots=True)
class VerdictEntry:
    """What a guardrail said."""

    tripped: bool
    info: Any
    degraded: bool


def calls_of(entries: Mapping[str, bytes]) -> tuple[ModelCall, ...]:
    """The paid calls among a journal's entries, in the order of their names."""
    names = sorted((name for name in entries if name.startswith(CALL)), key=_natural)
    return tuple(_call(loads(entries[name])) for name in names)


def open_calls(entries: Mapping[str, bytes]) -> dict[str, str]:
    """The calls of which nobody knows how they ended: place in the run -> call id."""
    found = {}
    for name in entries:
        if name.startswith(CALL) and loads(entries[name]).get("open"):
            call_id = name[len(CALL) :]
            found[place_of(call_id)] = call_id
    return found


def place_of(call_id: str) -> str:
    """The call id without attempt and try: the same for all that ask the same question."""
    found = _PLACE.fullmatch(call_id)
    return found["place"] if found else call_id


def call_bytes(call: ModelCall, *, still_open: bool = False) -> bytes:
    """A call's entry. `still_open`: it is sent now, and this stays should the worker die meanwhile."""
    told: dict[str, Any] = {
        "call_id": call.call_id,
        "model": call.model,
        "agent": call.agent,
        "purpose": call.purpose,
        "state": call.state,
        "input_tokens": call.input_tokens,
        "cached_tokens": call.cached_tokens,
        "output_tokens": call.output_tokens,
        "reasoning_tokens": call.reasoning_tokens,
        "cost_usd": None if call.cost_usd is None else str(call.cost_usd),
        "price_source": call.price_source,
        "started": call.started,
        "finished": call.finished,
    }
    if still_open:
        told["open"] = True
    return dumps(told)


def _call(told: dict[str, Any]) -> ModelCall:
    told.pop("open", None)
    cost = told.pop("cost_usd")
    return ModelCall(**told, cost_usd=None if cost is None else Decimal(cost))


def model_bytes(entry: ModelEntry) -> bytes:
    told = {
        "digest": entry.digest,
        "model": entry.model,
        "degraded": entry.degraded,
        "response": _response(entry.response),
    }
    if entry.redacted:
        told["redacted"] = True
    return dumps(told)


def model_entry(raw: bytes) -> ModelEntry:
    told = loads(raw)
    response = _RESPONSE.validate_python(told["response"])
    return ModelEntry(told["digest"], told["model"], told["degraded"], response, told.get("redacted", False))


def _response(response: ModelResponse) -> Any:
    """Without what was not set: the next request repeats the answer as it was, and so must a replay."""
    try:
        return orjson.Fragment(_RESPONSE.dump_json(response, exclude_unset=True))
    except PydanticSerializationError:  # half a surrogate pair: no UTF-8 holds it
        return _RESPONSE.dump_python(response, exclude_unset=True)


def tool_bytes(entry: ToolEntry) -> bytes:
    told = {"output": entry.output, "ok": entry.ok, "degraded": entry.degraded, "worded": entry.worded}
    if entry.redacted:  # workers of former versions know no such field
        told["redacted"] = True
    return dumps(told)


def tool_entry(raw: bytes) -> ToolEntry:
    return ToolEntry(**loads(raw))


def verdict_bytes(entry: VerdictEntry) -> bytes:
    return dumps({"tripped": entry.tripped, "info": entry.info, "degraded": entry.degraded})


def verdict_entry(raw: bytes) -> VerdictEntry:
    return VerdictEntry(**loads(raw))


def moment_bytes(moment: datetime) -> bytes:
    return dumps(moment.isoformat())


def moment_of(raw: bytes) -> datetime:
    return datetime.fromisoformat(loads(raw))


def dumps(value: Any) -> bytes:
    """JSON of whatever an SDK or a model made, also of text that is no Unicode."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        return json.dumps(value, default=_unwrapped).encode()


def loads(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except ValueError:
        return json.loads(raw)


def _unwrapped(value: Any) -> Any:
    """The standard library knows neither fragments nor models."""
    if isinstance(value, orjson.Fragment):
        return json.loads(value.contents)
    if hasattr(value, "model_dump"):
        return value.model_dump(exclude_unset=True)
    return str(value)


def _natural(name: str) -> list[Any]:
    """m2 before m10."""
    return [int(part) if part.isdigit() else part for part in _DIGITS.split(name)]
