"""Which records are shown, and which are not even parsed."""

from typing import Any

import orjson
import pytest

from app.client.record_filter import Raw, RecordFilter
from app.client.record_line import document_of


def record(document: dict[str, Any] | bytes | None, key: str | None = "acme", **headers: str) -> Raw:
    value = orjson.dumps(document) if isinstance(document, dict) else document
    named = tuple((name.replace("_", "-"), content.encode()) for name, content in headers.items())
    return Raw("t", 0, 1, 0, None if key is None else key.encode(), value, named)


def shown(wanted: RecordFilter, raw: Raw) -> bool:
    return wanted.may_match(raw) and wanted.matches(raw, document_of(raw))


RESPONSE = {
    "request_id": "r-1",
    "tenant_id": "acme",
    "agent": "support",
    "agent_version": 3,
    "status": "refused",
    "error": {"code": "limit_requests"},
}


@pytest.mark.parametrize(
    "wanted",
    [
        RecordFilter(),
        RecordFilter(tenant="acme"),
        RecordFilter(request="r-1"),
        RecordFilter(status="refused"),
        RecordFilter(agent="support"),
        RecordFilter(agent="support@3"),
        RecordFilter(code="limit_requests"),
        RecordFilter("acme", "r-1", "refused", "support", "limit_requests"),
    ],
)
def test_a_response_is_found_by_what_it_says(wanted: RecordFilter) -> None:
    assert shown(wanted, record(RESPONSE, request_id="r-1", status="refused"))
    assert shown(wanted, record(RESPONSE))


@pytest.mark.parametrize(
    "wanted",
    [
        RecordFilter(tenant="umbrella"),
        RecordFilter(request="r-2"),
        RecordFilter(status="completed"),
        RecordFilter(agent="research"),
        RecordFilter(agent="support@2"),
        RecordFilter(code="limit_tokens"),
        RecordFilter(tenant="acme", request="r-2"),
    ],
)
def test_a_response_is_not_found_by_what_it_does_not_say(wanted: RecordFilter) -> None:
    assert not shown(wanted, record(RESPONSE, request_id="r-1", status="refused"))


@pytest.mark.parametrize(
    ("wanted", "headers"),
    [
        (RecordFilter(request="r-1"), {"request_id": "r-2"}),
        (RecordFilter(status="failed"), {"status": "completed"}),
        (RecordFilter(code="internal"), {"code": "oversize"}),
    ],
)
def test_headers_alone_rule_a_record_out(wanted: RecordFilter, headers: dict[str, str]) -> None:
    assert not wanted.may_match(record(b"not even JSON, r-1 failed internal", **headers))


def test_a_value_that_does_not_hold_the_text_is_not_parsed() -> None:
    assert not RecordFilter(request="r-1").may_match(record({"request_id": "r-2"}))


def test_an_escaped_value_is_looked_into() -> None:
    escaped = record(b'{"request_id": "\\u0072-1"}')

    assert shown(RecordFilter(request="r-1"), escaped)


def test_the_text_must_stand_in_its_field() -> None:
    assert not shown(RecordFilter(request="r-1"), record({"request_id": "r-2", "input": "about r-1"}))


def test_the_end_of_a_stream_has_a_status() -> None:
    assert shown(RecordFilter(status="failed"), record({"kind": "end", "data": {"status": "failed"}}))


def test_a_record_without_a_tenant_field_is_known_by_its_key() -> None:
    cancel = record({"command": "cancel", "request_id": "r-1"})

    assert shown(RecordFilter(tenant="acme"), cancel)
    assert not shown(RecordFilter(tenant="umbrella"), cancel)


def test_what_is_no_json_is_shown_unless_something_is_asked_for() -> None:
    garbage, tombstone = record(b"\xff\x00"), record(None)

    assert shown(RecordFilter(), garbage)
    assert shown(RecordFilter(tenant="acme"), tombstone)
    assert not shown(RecordFilter(status="failed"), garbage)
