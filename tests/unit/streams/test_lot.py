"""The index of parked requests: what stands where, who is due, who waits behind whom."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from streams.flow import Record
from streams.lot import Lot, due_at
from streams.parked import Parked, ParkReason, PendingApproval, encode_parked, parked_key

AT = datetime(2026, 1, 1, tzinfo=UTC)


def parked(
    offset: int, reason: ParkReason = ParkReason.SESSION, partition: int = 0, **more: object
) -> Parked:
    record = Record("agent.requests", partition, offset, 0, b"acme", b"{}")
    made = Parked("acme", f"r-{offset}", "sha", reason, record, AT, None, session_id="s")
    return replace(made, **more)  # type: ignore[arg-type]  # fields by name


def told(lot: Lot, *all_parked: Parked) -> None:
    for place, one in enumerate(all_parked):
        lot.take(one.record.partition, place, parked_key("acme", one.request_id), encode_parked(one))


def test_a_later_record_takes_the_place_of_an_earlier_one_and_a_tombstone_of_all() -> None:
    lot = Lot()
    lot.begin(0)
    told(lot, parked(1), replace(parked(1), reason=ParkReason.WINDOW))

    waiting = lot.find(("acme", "r-1"))
    assert waiting is not None
    assert (waiting.place.offset, waiting.reason) == (1, ParkReason.WINDOW)
    lot.take(0, 2, parked_key("acme", "r-1"), None)
    assert lot.find(("acme", "r-1")) is None
    assert lot.queue(("acme", "s")) == []


def test_a_session_s_queue_stands_in_request_order_however_it_was_read() -> None:
    lot = Lot()
    told(lot, parked(9), parked(3), parked(5, order=1))

    assert [one.identity[1] for one in lot.queue(("acme", "s"))] == ["r-5", "r-3", "r-9"]


def test_only_the_first_of_a_queue_goes_on_and_only_if_nothing_else_keeps_it() -> None:
    lot = Lot()
    told(lot, parked(1, ParkReason.WINDOW, due_at=AT), parked(2))
    assert lot.next_of(("acme", "s")) is None

    lot.remove(("acme", "r-1"))

    following = lot.next_of(("acme", "s"))
    assert following is not None
    assert following.identity == ("acme", "r-2")
    following.live = True
    assert lot.next_of(("acme", "s")) is None


def test_what_is_about_to_be_written_has_its_place_but_is_not_due() -> None:
    lot = Lot()
    waiting = lot.reserve(parked(1, ParkReason.WINDOW, due_at=AT))

    assert lot.queue(("acme", "s")) == [waiting]
    assert lot.timetable.next() is None
    lot.settle(waiting, parked(1, ParkReason.WINDOW, due_at=AT), 7)
    assert lot.timetable.next() == AT.timestamp()


def test_a_partition_that_is_told_anew_or_lost_is_forgotten() -> None:
    lot = Lot()
    told(lot, parked(1), parked(2, partition=1))

    lot.begin(0)

    assert [one.identity[1] for one in lot.queue(("acme", "s"))] == ["r-2"]
    assert lot.owned() == {1}


def test_rubbish_on_the_topic_is_passed_over() -> None:
    lot = Lot()
    for key, value in ((b"\xff", b"{}"), (b"no length", b"{}"), (parked_key("acme", "r"), b"rubbish")):
        lot.take(0, 0, key, value)
    lot.take(0, 1, parked_key("acme", "r"), b'{"tenant_id": "acme"}')

    assert len(lot) == 0


def test_what_waits_for_people_is_found_by_what_it_asks() -> None:
    lot = Lot()
    asked = PendingApproval("ap-1", "t", "c", "g", "{}", "d", AT)
    told(
        lot,
        parked(1, ParkReason.APPROVAL, approvals=(asked,)),
        parked(2, ParkReason.DECIDED, approvals=(replace(asked, approval_id="ap-2"),)),
    )

    found = lot.awaiting("acme", "ap-1")

    assert found is not None
    assert found.identity[1] == "r-1"
    assert lot.awaiting("globex", "ap-1") is None
    assert lot.awaiting("acme", "ap-2") is None


def test_it_is_due_at_whatever_comes_first() -> None:
    early, late = AT + timedelta(seconds=1), AT + timedelta(seconds=9)
    approval = PendingApproval("a", "t", "c", "g", "{}", "d", early)

    assert due_at(parked(1, ParkReason.WINDOW, due_at=late, deadline=early)) == early
    assert due_at(parked(1, ParkReason.APPROVAL, approvals=(approval,), deadline=late)) == early
    assert due_at(parked(1, ParkReason.APPROVAL, approvals=(replace(approval, approved=True),))) is None
    assert due_at(parked(1, ParkReason.RUNNING, deadline=late)) == AT
    assert due_at(parked(1)) is None


@pytest.mark.parametrize("value", [b"\xff", b"[]", b"{}", b'"text"', b"7", b'{"source": []}'])
def test_what_cannot_be_read_is_known_by_its_place_and_what_stood_before_it_is_old(value: bytes) -> None:
    lot = Lot()
    lot.begin(0)
    told(lot, parked(1), parked(2))

    lot.take(0, 7, parked_key("acme", "r-1"), value)
    lot.take(0, 9, b"\xff", encode_parked(parked(3)))
    lot.take(0, 10, b"\xff\xff", None)

    assert lot.unreadable(0) == [7, 9]
    assert lot.find(("acme", "r-1")) is None
    assert [one.identity[1] for one in lot.queue(("acme", "s"))] == ["r-2"]


def test_what_could_not_be_read_and_has_ended_or_is_another_worker_s_is_forgotten() -> None:
    lot = Lot()
    for number in range(3):
        lot.take(0, number, parked_key("acme", f"r-{number}"), b"{}")
        lot.take(1, number, parked_key("acme", f"r-{number}"), b"{}")

    lot.take(0, 3, parked_key("acme", "r-0"), None)
    told(lot, parked(1))
    lot.begin(1)

    assert (lot.unreadable(0), lot.unreadable(1)) == ([2], [])
