"""Records as lines."""

from typing import Any

import orjson
import pytest

from app.client.record_filter import Raw
from app.client.record_line import RENDERED, as_json, document_of, line
from schemas.codec import encode
from schemas.versions import CURRENT_VERSIONS
from tests.doubles.outcomes import dead_letter, refused, response

BEGIN = "07:00:00.123 2@5  acme  "


def record(value: bytes | dict[str, Any] | None, key: bytes | None = b"acme") -> Raw:
    raw = orjson.dumps(value) if isinstance(value, dict) else value
    return Raw("agent.t", 2, 5, 1_795_244_400_123, key, raw, (("status", b"completed"), ("empty", None)))


def rendered(value: bytes | dict[str, Any] | None, schema: str | None) -> str:
    raw = record(value)
    return line(raw, document_of(raw), schema)


def test_every_kind_of_record_has_a_line() -> None:
    assert RENDERED.keys() == CURRENT_VERSIONS.keys()


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        (
            "agent-request",
            {"request_id": "r", "agent": "support", "input": "hi\nthere", "session_id": "s", "stream": True},
            'r  support  "hi there"  session=s  stream',
        ),
        (
            "agent-request",
            {"request_id": "r", "agent": "a", "input": [{"role": "user"}]},
            'r  a  [{"role":"user"}]',
        ),
        (
            "delta",
            {"request_id": "r", "attempt": 1, "seq": 2, "turn": 0, "kind": "text", "data": {"text": " a"}},
            'r  a1 #2 t0  text  "a"',
        ),
        (
            "delta",
            {"request_id": "r", "attempt": 2, "seq": 0, "turn": 1, "kind": "end", "data": {"status": "x"}},
            'r  a2 #0 t1  end  {"status":"x"}',
        ),
        (
            "usage",
            {
                "request_id": "r",
                "agent": "a",
                "model": "m",
                "purpose": "agent",
                "input_tokens": 1,
                "output_tokens": 2,
                "cost_usd": "0.1",
                "state": "unknown",
            },
            "r  a  m  agent  1 + 2 tokens $0.1  unknown",
        ),
        (
            "metrics",
            {
                "window_start": "W",
                "agent": "a",
                "counts": {"completed": 2, "failed": 0},
                "tokens": 9,
                "cost_usd": "0",
                "in_flight": 1,
            },
            "W  a  2 completed  9 tokens $0  1 in flight",
        ),
        ("control", {"command": "cancel", "request_id": "r", "actor": "ann"}, "cancel  request=r  actor=ann"),
        (
            "audit",
            {"actor": "ann", "action": "pause", "outcome": "done", "tenant_id": "t"},
            "ann  pause  done  tenant=t",
        ),
        (
            "tenant-plan",
            {"tenant_id": "t", "tier": "pro", "paused": True, "weight": 2},
            'pro  paused  {"weight":2}',
        ),
        (
            "release",
            {
                "agent": "a",
                "versions": [{"version": 1, "share": 0.9}, {"version": 2, "share": 0.1}],
                "by": "x",
            },
            "a  @1 0.9, @2 0.1  by=x",
        ),
        (None, {"any": 1}, '{"any":1}'),
        (None, None, "(tombstone)"),
        ("agent-request", b"\xff{", '2 bytes: "\ufffd{"'),
    ],
)
def test_what_matters_of_a_record_is_on_its_line(schema: str | None, value: Any, said: str) -> None:
    assert rendered(value, schema) == BEGIN + said


def test_a_response_says_how_it_ended() -> None:
    done = rendered(encode(response(attempts=2)), "agent-response")
    not_done = rendered(encode(refused()), "agent-response")

    assert done == (
        f'{BEGIN}r-1  completed  support@1  "Order 7 is delivered."  120 tokens $0.0012  900 ms  attempt 2'
    )
    assert "refused  support@1" in not_done
    assert "limit_requests: " in not_done


def test_a_dead_letter_says_where_it_came_from() -> None:
    said = rendered(encode(dead_letter()), "dead-letter")

    assert said.endswith('dl_1  duplicate_conflict  -  "used before"  from agent.requests 0@1')


@pytest.mark.parametrize("schema", sorted(CURRENT_VERSIONS))
@pytest.mark.parametrize(
    "value", [{}, {"data": 1, "error": "x", "usage": [], "versions": [1], "counts": None, "source": 2}]
)
def test_a_record_of_another_writer_breaks_nothing(schema: str, value: dict[str, Any]) -> None:
    assert rendered(value, schema).startswith(BEGIN)


def test_a_record_cannot_forge_lines_or_drive_the_terminal() -> None:
    forged = rendered({"request_id": "a\nb", "agent": "\x1b[2J", "input": "x\r\n\x07y"}, "agent-request")

    assert forged == f'{BEGIN}a b  \ufffd[2J  "x \ufffdy"'


def test_json_holds_everything() -> None:
    raw = record({"a": 1}, key=None)

    assert orjson.loads(as_json(raw, document_of(raw))) == {
        "topic": "agent.t",
        "partition": 2,
        "offset": 5,
        "timestamp_ms": 1_795_244_400_123,
        "key": None,
        "headers": {"status": "completed", "empty": None},
        "value": {"a": 1},
    }


def test_json_of_a_value_that_is_none_has_its_text() -> None:
    raw = record(b"plain")

    told = orjson.loads(as_json(raw, document_of(raw)))

    assert (told["value"], told["value_text"]) == (None, "plain")
