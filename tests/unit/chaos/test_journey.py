"""How long a fault was felt: until the last request from before it had its outcome."""

from tests.chaos.chronicle import Chronicle, Injected
from tests.chaos.journey import Journey
from tests.chaos.tally import NO_FAULT


def journey() -> Journey:
    made = Journey()
    made.send("early", 1.0)
    made.answer("early", 2.0)
    made.send("caught", 3.0)
    made.send("late", 6.0)
    return made


def test_a_fault_is_felt_until_the_last_request_from_before_it_is_answered() -> None:
    made = journey()
    made.answer("caught", 9.0)
    made.answer("late", 20.0)

    assert made.recovered(5.0) == 4.0


def test_a_fault_is_felt_still_while_a_request_from_before_it_is_open() -> None:
    assert journey().recovered(5.0) is None


def test_a_fault_that_catches_nothing_is_not_felt() -> None:
    assert journey().recovered(2.5) == 0.0


def test_what_is_open_at_a_time_was_sent_by_then_and_not_answered_by_then() -> None:
    made = journey()

    assert made.open_at(1.5) == ["early"]
    assert made.open_at(5.0) == ["caught"]
    assert made.open() == ["caught", "late"]


def test_the_first_sending_and_the_first_answer_count() -> None:
    made = journey()

    made.send("early", 1.7)
    made.answer("early", 4.0)

    assert made.sent["early"] == 1.0
    assert made.answered["early"] == 2.0


def test_a_breach_is_told_as_of_the_last_fault_before_the_answer() -> None:
    told = Chronicle([Injected("first", 1.0), Injected("second", 5.0), Injected("third", 9.0)])

    assert told.blame("r", {"r": 0.5}, {"r": 6.0}) == "second"


def test_what_was_never_answered_is_told_as_of_the_first_fault_after_it_was_sent() -> None:
    told = Chronicle([Injected("first", 1.0), Injected("second", 5.0)])

    assert told.blame("r", {"r": 2.0}, {}) == "second"
    assert told.blame("r", {"r": 7.0}, {}) == "second"


def test_a_breach_of_nobody_is_told_as_of_the_last_fault_and_without_any_as_of_none() -> None:
    assert Chronicle([Injected("first", 1.0)]).blame(None, {}, {}) == "first"
    assert Chronicle().blame("r", {"r": 1.0}, {}) == NO_FAULT
