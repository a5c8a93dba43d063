"""What a session remembers, beside what it was answered."""

from tests.chaos.memory import judge

SESSION = ("acme", "s-1")


def columns(remembered: list[str], answered: list[str], before_a_flush: str = "") -> list[str]:
    due = {("acme", turn) for turn in answered if turn not in before_a_flush}
    return [one.column for one in judge({SESSION: remembered}, {SESSION: answered}, due)]


def test_a_session_that_remembers_each_turn_once_and_in_order_is_right() -> None:
    assert columns(["a", "b", "c"], ["a", "b", "c"]) == []


def test_a_turn_that_is_missing_is_lost_unless_redis_was_flushed_since_it_was_asked_for() -> None:
    assert columns(["a"], ["a", "b"]) == ["lost"]
    assert columns(["b"], ["a", "b"], before_a_flush="a") == []
    assert columns(["b"], ["a", "b", "c"], before_a_flush="a") == ["lost"]


def test_a_turn_that_stands_there_twice_is_duplicated() -> None:
    assert columns(["a", "a", "b"], ["a", "b"]) == ["duplicated"]


def test_turns_in_another_order_than_their_answers_are_out_of_order() -> None:
    assert columns(["b", "a"], ["a", "b"]) == ["out_of_order"]


def test_a_session_of_which_nothing_is_left_is_lost() -> None:
    assert [one.column for one in judge({}, {SESSION: ["a"]}, {("acme", "a")})] == ["lost"]
