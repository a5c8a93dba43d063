"""Intake judges every record that anybody may write, and raises for none."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_defs.registry import AgentSpec, Registry
from schemas.failures import Code
from schemas.partitions import partition_for
from streams.flow import Accepted, Candidate, Invalid, Record, Rejected
from streams.intake import Intake
from tests.doubles import bad_records
from tests.doubles.bad_records import BadRecord
from tests.doubles.requests import PARTITIONS, body, record

NEVER_BUILT: Any = object
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
REGISTRY = Registry([AgentSpec("support", 2, NEVER_BUILT), AgentSpec("support", 3, NEVER_BUILT)])


def parse(written: Record, **limits: int) -> Candidate:
    sizes: dict[str, Any] = {"max_request_bytes": 100_000, "max_input_bytes": 50_000} | limits
    return Intake(REGISTRY, PARTITIONS, **sizes).parse(written, 12.5, AT)


def rejected(written: Record, **limits: int) -> tuple[str, str]:
    candidate = parse(written, **limits)
    assert isinstance(candidate, Rejected)
    return candidate.code, candidate.message


def invalid(written: Record, **limits: int) -> tuple[str, str]:
    candidate = parse(written, **limits)
    assert isinstance(candidate, Invalid)
    return candidate.code, candidate.message


def written(bad: BadRecord) -> Record:
    value = bad.value
    if value is None:
        return Record("agent.requests", 0, 0, 0, b"acme", None, bad.headers)  # type: ignore[arg-type]  # as on the wire
    return record(0, value, key=bad.key, headers=bad.headers)


def test_an_ordinary_request_is_accepted() -> None:
    read = record(7, body(session_id="s", metadata={"a": "b"}))

    candidate = parse(read)

    assert isinstance(candidate, Accepted)
    assert (candidate.request.request_id, candidate.request.session_id) == ("r-1", "s")
    assert candidate.spec.reference == "support@3"
    assert (candidate.record, candidate.received, candidate.received_at) == (read, 12.5, AT)


@pytest.mark.parametrize("bad", bad_records.DEAD_LETTERED, ids=lambda bad: bad.name)
def test_what_cannot_be_decoded_is_rejected(bad: BadRecord) -> None:
    assert rejected(written(bad))[0] == bad.code


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in bad_records.INVALID_FIELDS.items() for value in values],
)
def test_a_field_that_cannot_be_accepted_is_named(field: str, value: Any) -> None:
    code, message = invalid(record(0, body() | {field: value}))

    assert code == Code.INVALID_FIELD
    assert field in message


@pytest.mark.parametrize("field", ["agent", "input"])
def test_a_field_that_must_not_be_missing_is_named(field: str) -> None:
    asked = body()
    del asked[field]

    assert invalid(record(0, asked)) == (Code.INVALID_FIELD, f"{field} is missing")


def test_fields_that_nobody_knows_are_ignored() -> None:
    assert isinstance(parse(record(0, body(colour="blue", nested={"a": [1]}))), Accepted)


@pytest.mark.parametrize(("agent", "version"), [("support", 3), ("support@2", 2), ("support@3", 3)])
def test_an_agent_may_be_pinned_to_a_version(agent: str, version: int) -> None:
    candidate = parse(record(0, body(agent=agent)))

    assert isinstance(candidate, Accepted)
    assert candidate.spec.version == version


@pytest.mark.parametrize("agent", ["nobody", "support@4", "Support", "support@1"])
def test_an_agent_that_is_not_registered_is_refused_by_name(agent: str) -> None:
    code, message = invalid(record(0, body(agent=agent)))

    assert code == Code.UNKNOWN_AGENT
    assert agent in message
    assert "support@3" in message


@pytest.mark.parametrize("too_many", [-1, 0, 1])
def test_a_record_may_have_as_many_bytes_as_the_limit_says(too_many: int) -> None:
    read = record(0, body(input="x" * 5_000))
    limit = len(read.value or b"") - too_many

    candidate = parse(read, max_request_bytes=limit)

    assert isinstance(candidate, Rejected if too_many > 0 else Accepted)


def test_a_record_that_is_too_large_is_not_looked_into() -> None:
    code, message = rejected(record(0, b"\x00" * 101, key=b"acme"), max_request_bytes=100)

    assert code == Code.OVERSIZE
    assert "101 bytes" in message
    assert "100" in message


@pytest.mark.parametrize("too_many", [-1, 0, 1])
@pytest.mark.parametrize("asked", ["x" * 998, "é" * 499])
def test_a_text_may_have_as_many_bytes_as_the_limit_says(asked: str, too_many: int) -> None:
    candidate = parse(record(0, body(input=asked)), max_input_bytes=998 - too_many)

    assert isinstance(candidate, Invalid if too_many > 0 else Accepted)


@pytest.mark.parametrize("too_many", [-1, 0, 1])
def test_a_list_of_items_may_have_as_many_bytes_as_the_limit_says(too_many: int) -> None:
    items = [{"role": "user", "content": "x" * 1_000}]
    size = len(json.dumps(items, separators=(",", ":")))

    candidate = parse(record(0, body(input=items)), max_input_bytes=size - too_many)

    assert isinstance(candidate, Invalid if too_many > 0 else Accepted)


def test_what_is_beside_the_input_does_not_count_as_input() -> None:
    asked = body(input="x", metadata={"a": "y" * 5_000})

    assert isinstance(parse(record(0, asked), max_input_bytes=100), Accepted)


@pytest.mark.parametrize("tenant", ["acme", "globex", "initech", "hooli", "umbrella", "a:b.c-d_e"])
def test_a_tenant_is_accepted_on_the_partition_that_java_chooses_and_on_no_other(tenant: str) -> None:
    right = partition_for(tenant.encode(), PARTITIONS)

    for partition in range(PARTITIONS):
        candidate = parse(record(0, body(tenant_id=tenant), partition=partition))
        if partition == right:
            assert isinstance(candidate, Accepted)
            continue
        assert isinstance(candidate, Rejected)
        assert (candidate.code, candidate.tenant_id) == (Code.WRONG_PARTITION, tenant)
        assert f"partition {right} of {PARTITIONS}" in candidate.message
        assert "partitioner=murmur2_random" in candidate.message


def test_what_was_read_of_a_misplaced_record_is_told() -> None:
    candidate = parse(record(0, body("r-9"), key=None))

    assert isinstance(candidate, Rejected)
    assert (candidate.request_id, candidate.tenant_id) == ("r-9", "acme")


def test_the_last_of_several_schema_headers_counts() -> None:
    headers = (("schema", b"agent-request/9"), ("schema", b"agent-request/1"))

    assert isinstance(parse(record(0, body(), headers=headers)), Accepted)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=200) | st.none(), st.binary(max_size=20) | st.none())
def test_no_bytes_make_intake_raise(value: bytes | None, key: bytes | None) -> None:
    parse(Record("agent.requests", 0, 0, 0, key, value, ()))


@given(
    st.dictionaries(
        st.sampled_from([*bad_records.INVALID_FIELDS, "request_id", "tenant_id", "other"]), json_values
    )
)
def test_no_fields_make_intake_raise(fields: dict[str, Any]) -> None:
    parse(record(0, json.dumps(body() | fields).encode(), key=b"acme"))
