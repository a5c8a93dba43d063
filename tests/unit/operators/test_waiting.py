"""The requests that wait are the latest records of their keys."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.operators.waiting import WaitingBook
from streams.parked import ParkReason
from tests.doubles.operated import AT, approval, parked, parked_record


def book(with_bytes: bool = False) -> WaitingBook:
    return WaitingBook(lambda one: one.reason is ParkReason.APPROVAL, with_bytes)


def ids(found: WaitingBook) -> list[str]:
    return [row.parked.request_id for row in found.rows()]


def test_a_later_record_replaces_an_earlier_one_and_a_tombstone_ends_the_wait() -> None:
    found = book()

    found.add_all(
        [
            parked_record(parked("r-1", attempt=1), 0),
            parked_record(parked("r-2"), 1),
            parked_record(parked("r-1", attempt=2), 2),
            parked_record(parked("r-2"), 3, ended=True),
        ]
    )

    assert [(row.parked.request_id, row.parked.attempt, row.offset) for row in found.rows()] == [
        ("r-1", 2, 2)
    ]


def test_what_is_not_wanted_any_more_is_not_listed_as_it_was_before() -> None:
    found = book()

    found.add_all(
        [parked_record(parked("r-1"), 0), parked_record(parked("r-1", reason=ParkReason.DECIDED), 1)]
    )

    assert ids(found) == []


def test_the_same_request_id_of_two_tenants_is_two_requests() -> None:
    found = book()

    found.add_all([parked_record(parked(), 0), parked_record(parked(tenant_id="globex"), 1)])

    assert ids(found) == ["r-1", "r-1"]


def test_who_came_first_stands_first() -> None:
    found = book()

    found.add_all(
        [
            parked_record(parked("late", received_at=AT + timedelta(minutes=1)), 0),
            parked_record(parked("early"), 1),
        ]
    )

    assert ids(found) == ["early", "late"]


GARBAGE = [b"\xff", b"[]", b"{}", b'"text"', b"7", b'{"source": []}']


@pytest.mark.parametrize("value", GARBAGE)
def test_what_cannot_be_read_is_told_as_long_as_it_waits(value: bytes) -> None:
    found, good = book(), parked_record(parked())
    other = parked_record(parked("r-2"))

    found.add_all([other, good, replace(good, offset=1, value=value)])

    assert ids(found) == ["r-2"]  # what stood there before is old
    assert found.skipped.line() == "1 record cannot be read and was skipped: penstock-parked 0@1"
    found.add(parked_record(parked(), 2, ended=True))
    assert found.skipped.line() is None


def test_records_without_a_key_or_with_a_strange_one_are_told() -> None:
    found, good = book(), parked_record(parked())

    found.add_all(
        [replace(good, offset=number, key=key) for number, key in enumerate((None, b"\xff", b"acme"))]
    )

    assert ids(found) == []
    line = "3 records cannot be read and were skipped; the first: penstock-parked 0@0"
    assert found.skipped.line() == line


def test_bytes_are_kept_only_where_they_are_asked_for() -> None:
    light, heavy = book(), book(with_bytes=True)

    light.add(parked_record(parked()))
    heavy.add(parked_record(parked()))

    assert (light.rows()[0].parked.record.value, light.rows()[0].size > 50) == (None, True)
    assert heavy.rows()[0].parked.record.value is not None


def test_a_call_was_asked_for_when_its_run_stopped_not_when_the_record_was_written_anew() -> None:
    found = book()
    span = (AT - timedelta(minutes=5), AT - timedelta(minutes=4))

    found.add_all(
        [
            parked_record(parked("r-1", spans=(span,), approvals=(approval(),)), 0),
            parked_record(parked("r-2"), 7),
        ]
    )

    assert [row.asked_at for row in found.rows()] == [span[1], AT + timedelta(milliseconds=7)]
