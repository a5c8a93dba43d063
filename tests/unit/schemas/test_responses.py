"""AgentResponse names every field of the contract, and its id tells outcomes apart."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import decode, encode
from schemas.failures import Code, Stage
from schemas.responses import (
    AgentResponse,
    Memory,
    ResponseError,
    RunSpan,
    Source,
    Status,
    UsageTotals,
    response_id,
)

AT = datetime(2026, 11, 21, 7, 5, 38, 123_000, tzinfo=UTC)


def response(**fields: Any) -> AgentResponse:
    smallest: dict[str, Any] = {
        "response_id": response_id("acme", "r-1", 0),
        "request_id": "r-1",
        "request_sha256": "0" * 64,
        "tenant_id": "acme",
        "status": Status.COMPLETED,
        "finished_at": AT,
        "source": Source(topic="agent.requests", partition=3, offset=42),
    }
    return AgentResponse(**{**smallest, **fields})


FULL: dict[str, Any] = {
    "generation": 1,
    "agent": "support",
    "agent_version": 3,
    "session_id": "s",
    "output": "hi",
    "error": ResponseError.of(Code.INTERNAL),
    "usage": UsageTotals(model_calls=1, input_tokens=10, output_tokens=2),
    "models": ("gpt-x",),
    "last_agent": "billing",
    "turns": 1,
    "attempts": 1,
    "memory": Memory.KEPT,
    "admitted_at": AT,
    "started_at": AT,
    "queued_ms": 1,
    "run_ms": 2,
    "runs": (RunSpan(start=AT, end=AT),),
    "metadata": {"a": "b"},
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
}
CONTRACT_FIELDS = set(FULL) | {
    "response_id",
    "request_id",
    "request_sha256",
    "tenant_id",
    "status",
    "degraded",
    "cached",
    "finished_at",
    "source",
}


def test_a_full_response_has_exactly_the_fields_of_the_contract() -> None:
    document = orjson.loads(encode(response(**FULL)))

    assert set(document) == CONTRACT_FIELDS
    assert document["usage"] == {
        "model_calls": 1,
        "input_tokens": 10,
        "cached_tokens": 0,
        "output_tokens": 2,
        "reasoning_tokens": 0,
        "cost_usd": "0",
    }
    assert document["runs"] == [{"start": "2026-11-21T07:05:38.123Z", "end": "2026-11-21T07:05:38.123Z"}]


def test_a_response_survives_the_wire() -> None:
    full = response(**FULL)

    assert decode(AgentResponse, encode(full)) == full


def test_absent_fields_are_left_out_but_nulls_of_the_output_stay() -> None:
    document = orjson.loads(encode(response(output={"answer": None, "list": [None]})))

    assert document["output"] == {"answer": None, "list": [None]}
    assert not {"error", "session_id", "trace_id", "started_at"} & set(document)


def test_error_takes_the_rest_from_the_failure_table() -> None:
    error = ResponseError.of(Code.LIMIT_TOKENS, retry_after_ms=1500)

    assert (error.code, error.retriable, error.retry_after_ms) == ("limit_tokens", True, 1500)
    assert error.stage is Stage.ADMISSION
    assert "limit of tokens" in error.message


def test_error_says_what_the_caller_of_it_knows_better() -> None:
    error = ResponseError.of(Code.LIMIT_TOKENS, "It alone needs 9000 of 5000 tokens.", retriable=False)

    assert (error.message, error.retriable) == ("It alone needs 9000 of 5000 tokens.", False)


def test_a_code_of_a_newer_writer_is_read() -> None:
    data = encode(response(error=ResponseError.of(Code.INTERNAL))).replace(b'"internal"', b'"brand_new"')

    again = decode(AgentResponse, data)

    assert again.error is not None
    assert again.error.code == "brand_new"


def test_half_a_surrogate_pair_in_a_message_does_no_harm() -> None:
    error = ResponseError.of(Code.TOOL_FAILED, "tool said \ud83d")

    assert error.message == "tool said \ufffd"


def test_response_id_is_stable() -> None:
    assert response_id("acme", "r-1", 0) == "resp_c280784903d2eccb081e9ab2207f6f31"


@settings(deadline=None)
@given(st.tuples(st.text(), st.text(), st.integers(0, 9)), st.tuples(st.text(), st.text(), st.integers(0, 9)))
def test_response_ids_differ_where_their_parts_differ(
    one: tuple[str, str, int], other: tuple[str, str, int]
) -> None:
    assert (response_id(*one) == response_id(*other)) == (one == other)


def test_parts_of_a_response_id_do_not_run_into_each_other() -> None:
    assert response_id("a", "b:1", 0) != response_id("a:b", "1", 0)
    assert response_id("a", "1", 11) != response_id("a", "11", 1)


@pytest.mark.parametrize("status", ["running", "COMPLETED", None])
def test_only_the_five_terminal_statuses_exist(status: object) -> None:
    with pytest.raises(ValueError, match="status"):
        response(status=status)
