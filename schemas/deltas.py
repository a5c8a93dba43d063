"""Delta: one token or event of a run as it happens; the value of the deltas topic."""

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Self

from pydantic import ConfigDict

from schemas.fields import Count
from schemas.record import WireRecord
from schemas.responses import Status
from schemas.times import At, format_at


class DeltaKind(StrEnum):
    TEXT = "text"
    REASONING = "reasoning"
    TOOL_CALLED = "tool_called"
    TOOL_RETURNED = "tool_returned"
    AGENT_CHANGED = "agent_changed"
    APPROVAL_REQUIRED = "approval_required"
    SUPERSEDED = "superseded"
    END = "end"


class Happening(NamedTuple):
    """What a delta says, apart from where in the run it stands."""

    kind: DeltaKind
    data: dict[str, Any]


class Place(NamedTuple):
    """Where in which run a delta stands."""

    request_id: str
    tenant_id: str
    attempt: int
    seq: int
    turn: int
    at_char: int


_STRING = {"type": "string"}
_DATA_FIELDS: dict[DeltaKind, dict[str, Any]] = {
    DeltaKind.TEXT: {"text": _STRING},
    DeltaKind.REASONING: {"text": _STRING},
    DeltaKind.TOOL_CALLED: {"name": _STRING, "call_id": _STRING, "arguments": {}},
    DeltaKind.TOOL_RETURNED: {"call_id": _STRING, "ok": {"type": "boolean"}, "summary": _STRING},
    DeltaKind.AGENT_CHANGED: {"from": _STRING, "to": _STRING},
    DeltaKind.APPROVAL_REQUIRED: {
        "approval_id": _STRING,
        "tool": _STRING,
        "arguments": {},
        "arguments_digest": _STRING,
        "expires_at": {"type": "string", "format": "date-time"},
    },
    DeltaKind.SUPERSEDED: {"from_turn": {"type": "integer", "minimum": 0}},
    DeltaKind.END: {"status": {"enum": [status.value for status in Status]}},
}


class Delta(WireRecord):
    """`data` is checked by kind in the JSON Schema only: they are many, and the functions below make them."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {
                    "if": {"properties": {"kind": {"const": kind.value}}},
                    "then": {"properties": {"data": {"properties": fields, "required": list(fields)}}},
                }
                for kind, fields in _DATA_FIELDS.items()
            ]
        }
    )

    request_id: str
    tenant_id: str
    attempt: Count
    """A crash or hand-over starts the next; a reader then ignores lower ones."""
    seq: Count
    """0.. without gaps within an attempt."""
    turn: Count
    at_char: Count
    """How many characters of this turn's text stand before this delta."""
    kind: DeltaKind
    data: dict[str, Any]
    """Depends on the kind."""
    at: At

    @classmethod
    def of(cls, place: Place, happening: Happening, at: datetime) -> Self:
        return cls(
            request_id=place.request_id,
            tenant_id=place.tenant_id,
            attempt=place.attempt,
            seq=place.seq,
            turn=place.turn,
            at_char=place.at_char,
            kind=happening.kind,
            data=happening.data,
            at=at,
        )


def text(piece: str) -> Happening:
    return Happening(DeltaKind.TEXT, {"text": piece})


def reasoning(piece: str) -> Happening:
    return Happening(DeltaKind.REASONING, {"text": piece})


def tool_called(name: str, call_id: str, arguments: Any) -> Happening:
    """`arguments`: the parsed JSON, or the model's own text where that is no JSON."""
    return Happening(DeltaKind.TOOL_CALLED, {"name": name, "call_id": call_id, "arguments": arguments})


def tool_returned(call_id: str, ok: bool, summary: str) -> Happening:
    return Happening(DeltaKind.TOOL_RETURNED, {"call_id": call_id, "ok": ok, "summary": summary})


def agent_changed(from_agent: str, to_agent: str) -> Happening:
    return Happening(DeltaKind.AGENT_CHANGED, {"from": from_agent, "to": to_agent})


def approval_required(
    approval_id: str, tool: str, arguments: Any, arguments_digest: str, expires_at: datetime
) -> Happening:
    return Happening(
        DeltaKind.APPROVAL_REQUIRED,
        {
            "approval_id": approval_id,
            "tool": tool,
            "arguments": arguments,
            "arguments_digest": arguments_digest,
            "expires_at": format_at(expires_at),
        },
    )


def superseded(from_turn: int) -> Happening:
    return Happening(DeltaKind.SUPERSEDED, {"from_turn": from_turn})


def end(status: Status) -> Happening:
    return Happening(DeltaKind.END, {"status": status.value})
