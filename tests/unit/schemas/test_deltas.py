"""Each kind of delta has the data that the contract gives it."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from schemas import deltas
from schemas.codec import decode, encode
from schemas.deltas import Delta, DeltaKind, Happening, Place
from schemas.responses import Status

AT = datetime(2026, 11, 21, 7, 5, 38, 123_000, tzinfo=UTC)
PLACE = Place(request_id="r-1", tenant_id="acme", attempt=1, seq=7, turn=2, at_char=31)

ONE_OF_EACH = [
    (deltas.text("Hi"), "text", {"text": "Hi"}),
    (deltas.reasoning("Hm"), "reasoning", {"text": "Hm"}),
    (
        deltas.tool_called("lookup", "c1", {"order": None}),
        "tool_called",
        {"name": "lookup", "call_id": "c1", "arguments": {"order": None}},
    ),
    (
        deltas.tool_returned("c1", True, "1 row"),
        "tool_returned",
        {"call_id": "c1", "ok": True, "summary": "1 row"},
    ),
    (deltas.agent_changed("triage", "billing"), "agent_changed", {"from": "triage", "to": "billing"}),
    (
        deltas.approval_required("ap1", "refund", {"eur": 5}, "sha256:00", AT),
        "approval_required",
        {
            "approval_id": "ap1",
            "tool": "refund",
            "arguments": {"eur": 5},
            "arguments_digest": "sha256:00",
            "expires_at": "2026-11-21T07:05:38.123Z",
        },
    ),
    (deltas.superseded(2), "superseded", {"from_turn": 2}),
    (deltas.end(Status.COMPLETED), "end", {"status": "completed"}),
]


@pytest.mark.parametrize(("happening", "kind", "data"), ONE_OF_EACH)
def test_a_delta_is_written_as_the_contract_says(
    happening: Happening, kind: str, data: dict[str, object]
) -> None:
    document = orjson.loads(encode(Delta.of(PLACE, happening, AT)))

    assert document == {
        "request_id": "r-1",
        "tenant_id": "acme",
        "attempt": 1,
        "seq": 7,
        "turn": 2,
        "at_char": 31,
        "kind": kind,
        "data": data,
        "at": "2026-11-21T07:05:38.123Z",
    }


def test_there_is_a_way_to_make_each_kind() -> None:
    assert {happening.kind for happening, _, _ in ONE_OF_EACH} == set(DeltaKind)


@pytest.mark.parametrize("happening", [happening for happening, _, _ in ONE_OF_EACH])
def test_a_delta_survives_the_wire(happening: Happening) -> None:
    delta = Delta.of(PLACE, happening, AT)

    assert decode(Delta, encode(delta)) == delta


def test_a_letter_cut_in_the_middle_is_written_as_a_replacement() -> None:
    delta = Delta.of(PLACE, deltas.text("a\ud83d"), AT)

    document = orjson.loads(encode(delta))

    assert document["data"] == {"text": "a\ufffd"}
    assert document["at"] == "2026-11-21T07:05:38.123Z"


def test_a_delta_made_without_validation_is_written_the_same() -> None:
    checked = Delta.of(PLACE, deltas.text("Hi"), AT)
    fields: dict[str, Any] = {**PLACE._asdict(), "kind": "text", "data": {"text": "Hi"}, "at": AT}

    loose = Delta.model_construct(**fields)

    assert encode(loose) == encode(checked)
