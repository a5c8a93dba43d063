"""Requests that wait as they are shown."""

from datetime import timedelta

from app.operators import waiting_text
from app.operators.waiting import Waiting
from app.operators.waiting_text import SENTENCES, counts, due, whole
from streams.parked import Parked, ParkReason
from tests.doubles.operated import AT, approval, parked


def row(one: Parked) -> Waiting:
    return Waiting(one, 0, 0, AT, 100)


def test_each_reason_is_explained() -> None:
    assert set(SENTENCES) == set(ParkReason)


def test_what_time_ends_is_due_in_some_time() -> None:
    soon = row(parked(due_at=AT + timedelta(seconds=90)))

    assert due(soon, AT) == "1 min 30 s"
    assert due(soon, AT + timedelta(hours=1)) == "now"
    assert due(row(parked()), AT) == "-"


def test_they_are_counted_by_reason() -> None:
    rows = [row(parked(reason=reason)) for reason in (ParkReason.RETRY, ParkReason.WINDOW, ParkReason.RETRY)]

    assert counts(rows) == "3 waiting: 2 retry, 1 window"


def test_one_is_told_with_its_request_and_its_open_calls() -> None:
    one = parked(approvals=(approval("aa"), approval("bb", approved=True)), session_id="s-1")

    said = whole(row(one), AT)

    assert "approvals  aa\n" in said
    assert '  "input": "Where is order 7?"' in said
    assert waiting_text.document(row(one))["undecided_approvals"] == ["aa"]
    assert waiting_text.whole_document(row(one))["request"]["agent"] == "support@1"
