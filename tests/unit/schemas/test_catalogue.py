"""The checked-in JSON Schemas are current, and say what the records are."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types
from jsonschema.exceptions import ValidationError  # type: ignore[import-untyped]  # it ships no types

import schemas
from schemas import deltas
from schemas.audit import AuditRecord
from schemas.catalogue import DIRECTORY, WIRE_TYPES, json_schemas, main, render
from schemas.codec import Undecodable, encode
from schemas.control import Command, ControlCommand
from schemas.dead_letters import DeadLetter, DeadLetterSource, Original
from schemas.deltas import Delta, Place
from schemas.envelope import read_request, validate_request
from schemas.failures import Code, Stage
from schemas.invalid_fields import InvalidField
from schemas.metrics import MetricsRecord, Percentiles
from schemas.record import WireRecord
from schemas.releases import Release, VersionShare
from schemas.requests import AgentRequest
from schemas.responses import AgentResponse, ResponseError, RunSpan, Source, Status
from schemas.tenants import Limit, Measure, Period, TenantPlan
from schemas.usage import Purpose, UsageRecord, UsageState

AT = datetime(2026, 11, 21, 7, 5, 38, tzinfo=UTC)
SOURCE = Source(topic="agent.requests", partition=3, offset=42)
PLACE = Place("r", "acme", 0, 0, 1, 0)
RECORDS: dict[str, WireRecord] = {
    "agent-request": AgentRequest(
        request_id="r", tenant_id="acme", agent="support@3", input=[{"role": "user"}]
    ),
    "agent-response": AgentResponse(
        response_id="resp_0",
        request_id="r",
        request_sha256="0" * 64,
        tenant_id="acme",
        status=Status.FAILED,
        error=ResponseError.of(Code.INTERNAL),
        runs=(RunSpan(start=AT, end=AT),),
        finished_at=AT,
        source=SOURCE,
    ),
    "delta": Delta.of(PLACE, deltas.tool_called("lookup", "c", {}), AT),
    "usage": UsageRecord(
        call_id="c",
        request_id="r",
        tenant_id="acme",
        agent="support",
        model="gpt-x",
        purpose=Purpose.AGENT,
        state=UsageState.SETTLED,
        input_tokens=5,
        output_tokens=7,
        cost_usd=Decimal("0.01"),
        price_source="table",
        at=AT,
    ),
    "metrics": MetricsRecord(
        window_start=AT, tenant_id="acme", agent="support", run_ms=Percentiles(p50=1, p95=2, p99=3)
    ),
    "dead-letter": DeadLetter(
        dead_letter_id="dl_0",
        code=Code.UNDECODABLE,
        stage=Stage.INTAKE,
        retriable=False,
        message="The value is empty.",
        source=DeadLetterSource(topic="agent.requests", partition=3, offset=42),
        original=Original.of(None, b"", [("h", b"1")]),
        failed_at=AT,
    ),
    "control": ControlCommand(command=Command.CANCEL, request_id="r", at=AT),
    "audit": AuditRecord(audit_id="a", at=AT, actor="eve", action="pause", outcome="done"),
    "tenant-plan": TenantPlan(
        tenant_id="acme", limits=(Limit(what=Measure.TOKENS, per=Period.DAY, limit=5),)
    ),
    "release": Release(agent="support", versions=(VersionShare(version=1, share=1),)),
}
REQUEST: dict[str, Any] = {"request_id": "r", "tenant_id": "acme", "agent": "support", "input": "x"}


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(orjson.loads((DIRECTORY / f"{name}.v1.json").read_bytes()))


def test_the_checked_in_schemas_are_current() -> None:
    checked_in = {path.name: path.read_bytes() for path in DIRECTORY.glob("*.json")}

    assert checked_in == {name: render(schema) for name, schema in json_schemas().items()}, (
        "stale; run: python -m schemas.catalogue --write"
    )


def test_the_command_agrees_that_they_are_current() -> None:
    assert main([]) == 0


@pytest.mark.parametrize("name", WIRE_TYPES)
def test_a_schema_is_valid_itself_and_allows_later_fields(name: str) -> None:
    schema = json_schemas()[f"{name}.v1.json"]

    Draft202012Validator.check_schema(schema)
    assert b'"additionalProperties":false' not in orjson.dumps(schema)


@pytest.mark.parametrize("name", WIRE_TYPES)
def test_what_penstock_writes_fits_its_schema(name: str) -> None:
    document = orjson.loads(encode(RECORDS[name]))

    validator(name).validate({**document, "later": 1})


@pytest.mark.parametrize("name", WIRE_TYPES)
def test_an_empty_object_fits_no_schema(name: str) -> None:
    with pytest.raises(ValidationError):
        validator(name).validate({})


@pytest.mark.parametrize(
    ("fields", "good"),
    [
        ({}, True),
        ({"session_id": None, "deadline": None, "max_cost_usd": None}, True),
        ({"input": [{"role": "user", "content": "x"}]}, True),
        (
            {
                "agent": "support@3",
                "stream": True,
                "priority": "batch",
                "max_turns": 1,
                "max_cost_usd": "0.5",
            },
            True,
        ),
        ({"input": [1]}, False),
        ({"input": None}, False),
        ({"agent": "support@0"}, False),
        ({"tenant_id": "a b"}, False),
        ({"request_id": ""}, False),
        ({"stream": 1}, False),
        ({"priority": "urgent"}, False),
        ({"max_turns": 0}, False),
        ({"max_turns": True}, False),
        ({"max_cost_usd": 0.5}, False),
        ({"max_cost_usd": "-1"}, False),
        ({"metadata": {str(n): "" for n in range(17)}}, False),
        ({"metadata": {"a": 1}}, False),
        ({"parent": {"depth": 1}}, False),
    ],
)
def test_the_request_schema_and_intake_agree(fields: dict[str, Any], good: bool) -> None:
    document = {**REQUEST, **fields}
    try:
        validate_request(read_request(orjson.dumps(document), []))
        accepted = True
    except (InvalidField, Undecodable):
        accepted = False

    assert (validator("agent-request").is_valid(document), accepted) == (good, good)


def test_the_delta_schema_checks_data_by_kind() -> None:
    document = orjson.loads(encode(RECORDS["delta"]))

    assert not validator("delta").is_valid({**document, "data": {"text": "x"}})
    assert validator("delta").is_valid({**document, "kind": "text", "data": {"text": "x"}})


def test_the_control_schema_asks_for_what_a_command_needs() -> None:
    assert not validator("control").is_valid({"command": "approve", "approval_id": "a"})
    assert validator("control").is_valid({"command": "pause"})


def test_the_package_offers_every_wire_type() -> None:
    assert {record_type.__name__ for record_type in WIRE_TYPES.values()} <= set(schemas.__all__)
    assert all(hasattr(schemas, name) for name in schemas.__all__)
    assert list(schemas.__all__) == sorted(schemas.__all__)
