"""Who waits for which request is known as long as it waits, by the request's id and by its bytes."""

from streams.inquiries import Inquiries
from streams.parked import ParkedPlace, ParkReason
from streams.waiting import Waiting


def waiting(*asked: tuple[str, str]) -> Waiting:
    place = ParkedPlace(0, 1)
    return Waiting(("acme", "r-1"), "sha", place, ParkReason.ASKED, 0, None, 0, asked=asked)


def test_it_is_found_by_each_request_that_it_asked_for() -> None:
    inquiries, asking = Inquiries(), waiting(("q-1", "aa"), ("q-2", "bb"))

    inquiries.add(asking)

    assert inquiries.about(("acme", "q-2")) is asking
    assert inquiries.about(("globex", "q-2")) is None
    assert inquiries.written_as("bb") == ("acme", "q-2")
    assert inquiries.written_as("cc") is None


def test_who_waits_no_more_is_not_found() -> None:
    inquiries, asking = Inquiries(), waiting(("q-1", "aa"))
    inquiries.add(asking)

    inquiries.remove(asking)

    assert inquiries.about(("acme", "q-1")) is None
    assert inquiries.written_as("aa") is None


def test_what_an_earlier_version_asked_is_known_by_its_id_alone() -> None:
    inquiries = Inquiries()

    inquiries.add(waiting(("q-1", "")))

    assert inquiries.about(("acme", "q-1")) is not None
    assert inquiries.written_as("") is None
