"""Requests are filled in and judged before they are sent."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from app.client.outgoing import BadRequest, SizeRules, prepare, prepare_lines

NOW = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
RULES = SizeRules(max_request_bytes=1000, max_input_bytes=500)
ASKED = {"tenant_id": "acme", "agent": "support", "input": "hello"}


def line(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def test_a_request_without_an_id_gets_a_new_one() -> None:
    first, second = prepare(ASKED, RULES, NOW), prepare(ASKED, RULES, NOW)

    assert UUID(first.request_id) != UUID(second.request_id)
    assert json.loads(first.value) == {
        **ASKED,
        "request_id": first.request_id,
        "created_at": "2026-11-21T07:00:00.000Z",
    }


def test_what_the_caller_chose_stays_fields_of_later_versions_too() -> None:
    given = {**ASKED, "request_id": "r-1", "created_at": "2020-01-01T00:00:00.000Z", "later": [1]}

    assert json.loads(prepare(given, RULES, NOW).value) == given


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tenant_id": "a b"}, "tenant_id: must be 1 to 128 characters"),
        ({"agent": "support@x"}, "agent: must be an agent's name"),
        ({"priority": "urgent"}, "priority: must be one of"),
        ({"request_id": ""}, "request_id"),
        ({"input": 7}, "input: must be a string or a list"),
        ({"input": "x" * 501}, "the input has 501 bytes, at most 500"),
        ({"input": "é" * 251}, "the input has 502 bytes"),
        ({"metadata": {"k": "x" * 1000}}, "at most 1000 are accepted"),
        ({"input": "half \ud83d"}, "not valid UTF-8"),
    ],
)
def test_what_a_worker_would_refuse_is_not_sent(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequest) as refused:
        prepare({**ASKED, **changes}, RULES, NOW)

    assert said in str(refused.value)


def test_lines_take_what_they_leave_out_from_the_options() -> None:
    lines = [line(input="one"), b"", b"  ", line(input="two", tenant_id="umbrella", stream=True)]

    good, bad = prepare_lines(lines, {"tenant_id": "acme", "agent": "support"}, RULES, NOW)

    assert not bad
    assert [(one.tenant_id, one.stream, one.line) for one in good] == [
        ("acme", False, 1),
        ("umbrella", True, 4),
    ]


def test_bad_lines_are_told_by_number_and_the_others_are_kept() -> None:
    lines = [b"{", line(input="fine"), b"[1]", line(input=5), b'{"input": "\xff"}']

    good, bad = prepare_lines(lines, {"tenant_id": "acme", "agent": "support"}, RULES, NOW)

    assert [one.line for one in good] == [2]
    assert [one.line for one in bad] == [1, 3, 4, 5]
    assert "not JSON" in bad[0].why
    assert "input" in bad[2].why


def test_an_id_that_stands_twice_in_a_file_is_a_mistake() -> None:
    lines = [line(input="a", request_id="r"), line(input="b", request_id="r")]
    lines.append(line(input="c", request_id="r", tenant_id="umbrella"))

    good, bad = prepare_lines(lines, {"tenant_id": "acme", "agent": "support"}, RULES, NOW)

    assert [one.line for one in good] == [1, 3]
    assert [(one.line, one.why) for one in bad] == [(2, "request_id 'r' is that of line 1")]
