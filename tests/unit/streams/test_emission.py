"""Outcome -> records: complete, on the right partition, and never larger than their topics take."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_defs.registry import AgentSpec, Registry
from schemas.codec import decode
from schemas.dead_letters import DeadLetter, dead_letter_id
from schemas.failures import FAILURES, Code
from schemas.responses import AgentResponse, Status
from streams.answers import answered_by
from streams.deltas import DeltaFeed
from streams.emission import LONGEST_TRACE_HEADER, ROOM_BYTES, Emissary, trace_headers, trace_id
from streams.flow import (
    Accepted,
    Answered,
    Emission,
    Invalid,
    Outcome,
    Parcel,
    Problem,
    Record,
    Rejected,
    place_identity,
)
from streams.intake import Intake
from tests.doubles.memory_outbox import NAMES
from tests.doubles.requests import PARTITIONS, body, record

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
NEVER_BUILT: Any = object
INTAKE = Intake(Registry([AgentSpec("support", 3, NEVER_BUILT)]), PARTITIONS, 10**9, 10**9)
TRACEPARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def emissary(max_record_bytes: int = 4 * 1024 * 1024) -> Emissary:
    return Emissary(NAMES, max_record_bytes)


def read(written: Record) -> Any:
    return INTAKE.parse(written, 1.0, AT)


def outcome_of(candidate: Accepted | Invalid, outcome: Outcome, **more: Any) -> Parcel:
    parcel, _ = emissary(more.pop("max_record_bytes", 4 * 1024 * 1024)).outcome(
        candidate, outcome, more.pop("attempts", 1), more.pop("feed", None), AT
    )
    return parcel


def refused(written: Record, max_record_bytes: int = 4 * 1024 * 1024) -> Emission:
    candidate = read(written)
    assert isinstance(candidate, Rejected)
    (letter,) = emissary(max_record_bytes).rejected(candidate).emissions
    return letter


def original(letter: Emission) -> bytes | None:
    return decode(DeadLetter, letter.value).original.raw().value


def failed(code: Code = Code.INTERNAL) -> Outcome:
    return Outcome(Status.FAILED, Problem(code, "why", exception="E", stack="S"))


@pytest.mark.parametrize("code", [code for code in Code if FAILURES[code].outcome == "failed"])
def test_every_failure_has_a_response_and_a_dead_letter_that_agree(code: Code) -> None:
    parcel = outcome_of(read(record(3, body())), failed(code), attempts=2)

    response = decode(AgentResponse, parcel.emissions[0].value)
    letter = decode(DeadLetter, parcel.emissions[-1].value)
    assert [emission.topic for emission in parcel.emissions] == [NAMES.responses, NAMES.deadletter]
    assert response.error is not None
    assert response.error.code == letter.code == code
    assert response.error.retriable == letter.retriable == FAILURES[code].retriable
    assert response.error.stage == letter.stage == FAILURES[code].stage
    assert (letter.attempts, letter.exception, letter.stack) == (2, "E", "S")


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.REFUSED, Status.EXPIRED, Status.CANCELLED])
def test_only_failures_are_dead_lettered(status: Status) -> None:
    problem = None if status is Status.COMPLETED else Problem(Code.EXPIRED, "why")

    parcel = outcome_of(read(record(3, body())), Outcome(status, problem))

    assert [emission.topic for emission in parcel.emissions] == [NAMES.responses]


def test_the_end_of_a_stream_is_published_with_its_outcome() -> None:
    candidate = read(record(3, body(stream=True)))
    feed = DeltaFeed("acme", "r-1", candidate.record.partition, 1)

    parcel = outcome_of(candidate, Outcome(Status.COMPLETED), feed=feed)

    assert parcel.emissions[-1].topic == NAMES.deltas
    assert json.loads(parcel.emissions[-1].value or b"")["data"] == {"status": "completed"}


def test_a_refusal_repeats_what_could_be_read_of_the_request() -> None:
    candidate = read(record(3, body(agent="nobody", session_id="s", metadata={"a": "b"})))

    parcel = outcome_of(candidate, Outcome(Status.REFUSED, Problem(candidate.code, candidate.message)))

    response = decode(AgentResponse, parcel.emissions[0].value)
    assert (response.agent, response.session_id, response.attempts) == ("nobody", "s", 0)


@pytest.mark.parametrize("agent", [7, ["x"], "x" * 5_000, None])
def test_a_refusal_does_not_repeat_what_is_no_agent(agent: Any) -> None:
    candidate = read(record(3, body() | {"agent": agent}))

    parcel = outcome_of(candidate, Outcome(Status.REFUSED, Problem(candidate.code, candidate.message)))

    assert decode(AgentResponse, parcel.emissions[0].value).agent is None


def test_the_headers_tell_the_ledger_whose_outcome_it_is() -> None:
    candidate = read(record(3, body("r-ü")))

    parcel = outcome_of(candidate, failed())

    response, letter = parcel.emissions
    told = Answered("acme", "r-ü", candidate.sha256)
    assert parcel.answered == replace(told, replayable=True)
    assert answered_by(response.key, response.headers, letter=False) == told
    assert answered_by(letter.key, letter.headers, letter=True) is None  # its response tells


def test_the_headers_of_a_dead_letter_tell_the_ledger_its_place() -> None:
    candidate = read(record(41, b"rubbish", key=b"acme"))
    assert isinstance(candidate, Rejected)

    parcel = emissary().rejected(candidate)

    (letter,) = parcel.emissions
    told = answered_by(letter.key, letter.headers, letter=True)
    assert told is not None
    assert told == parcel.answered
    assert (told.tenant_id, told.request_id) == place_identity(candidate.record.partition, 41)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("request-sha256", b"\xff"), ("request-id", b"r")],
        [("request-sha256", b"ab")],
        [("request-sha256", None), ("request-id", b"r")],
        [("request-sha256", b"ab"), ("source-place", b"here")],
        [("request-sha256", b"ab"), ("source-place", None)],
    ],
)
def test_records_that_others_wrote_tell_nothing_and_stop_nobody(headers: list[tuple[str, Any]]) -> None:
    answered_by(None, headers, letter=False)

    assert answered_by(None, headers, letter=True) is None


# -- sizes


def response_bytes(length: int, limit: int) -> tuple[str, int]:
    parcel = outcome_of(
        read(record(0, body())), Outcome(Status.COMPLETED, output="x" * length), max_record_bytes=limit
    )
    value = parcel.emissions[0].value or b""
    return json.loads(value)["status"], len(value)


def test_an_answer_may_be_as_large_as_a_record_and_no_larger() -> None:
    limit = 10_000
    _, overhead = response_bytes(0, limit)
    largest = limit - ROOM_BYTES - overhead

    assert response_bytes(largest, limit) == ("completed", limit - ROOM_BYTES)
    status, size = response_bytes(largest + 1, limit)
    assert status == "failed"
    assert size < limit


def test_a_dead_letter_has_the_exact_bytes() -> None:
    value = os.urandom(1_000_000)

    letter = refused(record(0, value, key=b"acme"))

    assert original(letter) == value
    assert not letter.packed


def test_a_dead_letter_too_large_for_its_topic_is_packed_where_that_helps() -> None:
    value = b"x" * 20_000_000  # came compressed, else no topic would have taken it

    letter = refused(record(0, value, key=b"acme"))

    assert letter.packed
    assert original(letter) == value


def test_a_dead_letter_that_no_record_holds_says_where_the_bytes_are() -> None:
    letter = refused(record(77, os.urandom(40_000), key=b"acme"), max_record_bytes=20_000)

    document = decode(DeadLetter, letter.value)
    assert len(letter.value or b"") < 20_000
    assert original(letter) is None
    assert "read it at its source" in document.message
    assert document.source.offset == 77


def test_a_key_of_any_size_makes_no_dead_letter_too_large() -> None:
    letter = refused(record(0, b"x", key=os.urandom(30_000)), max_record_bytes=20_000)

    assert len(letter.value or b"") + len(letter.key or b"") < 20_000


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_timestamp_of_any_number_makes_a_dead_letter(timestamp_ms: int) -> None:
    letter = refused(record(0, b"x", key=b"acme", timestamp_ms=timestamp_ms))

    assert decode(DeadLetter, letter.value).code == "undecodable"


def test_a_dead_letter_is_known_by_its_place() -> None:
    written = record(9, b"x", key=b"acme")

    document = decode(DeadLetter, refused(written).value)

    assert document.dead_letter_id == dead_letter_id("agent.requests", written.partition, 9)


# -- traces


def headers_of(*headers: tuple[str, bytes | None]) -> Record:
    return record(0, body(), headers=headers)


def test_the_trace_context_is_handed_on_and_nothing_else() -> None:
    state = ("tracestate", b"a=1")

    found = trace_headers(headers_of(("traceparent", TRACEPARENT), state, ("signature", b"v1"), ("x", None)))

    assert found == [("traceparent", TRACEPARENT), state]


def test_trace_headers_that_no_tracer_writes_are_not_handed_on() -> None:
    huge = b"x" * (LONGEST_TRACE_HEADER + 1)

    assert trace_headers(headers_of(("tracestate", huge), ("traceparent", None))) == []


def test_of_repeated_trace_headers_one_is_handed_on() -> None:
    repeated = headers_of(*[("tracestate", b"a=%d" % number) for number in range(1000)])

    assert trace_headers(repeated) == [("tracestate", b"a=999")]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (TRACEPARENT, "0af7651916cd43dd8448eb211c80319c"),
        (b"", None),
        (b"00-short-b7ad6b7169203331-01", None),
        (b"rubbish", None),
        (b"00-" + b"\xff" * 32 + b"-b7ad6b7169203331-01", None),
    ],
)
def test_the_trace_id_is_told_where_there_is_one(value: bytes, found: str | None) -> None:
    assert trace_id(headers_of(("traceparent", value))) == found
