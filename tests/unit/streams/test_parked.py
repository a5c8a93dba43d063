"""A parked request comes back from its record as it was, and its key names it alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.requests import Priority
from streams.flow import Answered, Emission, Parcel, Record
from streams.parcel_codec import decode_parcel, encode_parcel
from streams.parked import (
    Parked,
    ParkReason,
    PendingApproval,
    decode_parked,
    encode_parked,
    identity_of,
    parked_key,
)

AT = datetime(2026, 5, 4, 3, 2, 1, 500_000, tzinfo=UTC)
RECORD = Record("agent.requests", 3, 41, 1_700_000_000_123, b"acme", b'{"x":1}\xff', (("a", b"\x00\xff"),))
PLAIN = Parked("acme", "r-1", "sha", ParkReason.NOT_BEFORE, RECORD, AT, AT + timedelta(days=400))
FULL = replace(
    PLAIN,
    reason=ParkReason.APPROVAL,
    order=17,
    session_id="s",
    deadline=AT,
    generation=2,
    attempt=3,
    started=True,
    published_calls=("c-1", "c-2"),
    approvals=(
        PendingApproval("ap", "refund", "c", "support", '{"n": 1}', "digest", AT),
        PendingApproval("aq", "refund", "d", "support", "{}", "digest", AT, False, "ada", "no", AT),
    ),
    spans=((AT, AT + timedelta(seconds=1)),),
    queued_s=1.25,
    counted_at=AT + timedelta(seconds=9),
)


@pytest.mark.parametrize(
    "parked", [PLAIN, FULL, replace(PLAIN, due_at=None, record=replace(RECORD, value=None))]
)
def test_what_is_written_is_read(parked: Parked) -> None:
    assert decode_parked(encode_parked(parked)) == parked


def test_fields_that_a_newer_worker_adds_are_passed_over() -> None:
    told = orjson.loads(encode_parked(PLAIN)) | {"new": 1}

    assert decode_parked(orjson.dumps(told)) == PLAIN


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_key_names_one_request_only(tenant: str, request: str) -> None:
    try:
        key = parked_key(tenant, request)
    except UnicodeEncodeError:  # no such id is accepted
        return

    assert identity_of(key) == (tenant, request)


def test_who_holds_its_session() -> None:
    waiting = replace(PLAIN, session_id="s")

    assert not waiting.holds
    assert replace(waiting, started=True).holds
    assert replace(waiting, reason=ParkReason.WINDOW).holds
    assert not replace(PLAIN, reason=ParkReason.WINDOW).holds


def test_a_decided_outcome_is_kept_byte_by_byte() -> None:
    emissions = (
        Emission("agent.responses", 3, b"acme", b'{"a":\n1}', [("status", b"completed"), ("x", b"\xff\n")]),
        Emission("penstock-parked", 3, b"k", None),
        Emission("agent.usage", 3, None, b"", [], packed=True),
    )
    parcel = Parcel(3, emissions, Answered("acme", "r-1", "sha", 1, replayable=True))

    assert decode_parcel(encode_parcel(parcel)) == parcel
    assert decode_parcel(encode_parcel(Parcel(1, ()))) == Parcel(1, ())


@pytest.mark.parametrize(
    "changes",
    [
        {"received_at": 5},
        {"reason": "a newer one"},
        {"source": []},
        {"original": {"key": None, "value": 7, "headers": []}},
        {"approvals": [{}]},
        {"spans": [1]},
    ],
)
def test_what_is_no_parked_request_is_a_value_error(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  which one does not matter to anybody
        decode_parked(orjson.dumps(orjson.loads(encode_parked(PLAIN)) | changes))


OVERFLOW = replace(PLAIN, reason=ParkReason.OVERFLOW, due_at=None, priority=Priority.BATCH)


def test_an_overflow_comes_back_as_one() -> None:
    assert decode_parked(encode_parked(OVERFLOW)) == OVERFLOW


def test_the_version_before_goes_on_with_an_overflow_as_with_a_window_that_has_opened() -> None:
    told = orjson.loads(encode_parked(OVERFLOW))

    assert (told["reason"], told["due_at"]) == ("window", told["received_at"])


def test_what_the_version_before_wrote_has_no_priority() -> None:
    told = orjson.loads(encode_parked(FULL))
    del told["priority"], told["overflow"]

    assert decode_parked(orjson.dumps(told)) == FULL
