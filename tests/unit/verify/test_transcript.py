"""A stream is put together as the contract tells its readers to."""

from typing import Any

import pytest

from app.verify.transcript import Said, Transcript


def text(attempt: int, seq: int, turn: int, at_char: int, words: str) -> Said:
    return Said(0, "acme/r1", attempt, seq, turn, at_char, "text", {"text": words})


def other(attempt: int, seq: int, kind: str, data: dict[str, Any] | None = None, turn: int = 0) -> Said:
    return Said(0, "acme/r1", attempt, seq, turn, 0, kind, data or {})


def listen(*all_said: Said, whole: bool = True) -> tuple[Transcript, list[str]]:
    transcript = Transcript(whole=whole)
    return transcript, [wrong for said in all_said if (wrong := transcript.take(said)) is not None]


def test_the_last_turn_is_the_answer() -> None:
    transcript, wrong = listen(
        text(1, 0, 0, 0, "Let me "),
        text(1, 1, 0, 7, "look."),
        text(1, 2, 1, 0, "At sea."),
        other(1, 3, "end"),
    )

    assert (transcript.last_text(), wrong) == ("At sea.", [])


def test_a_new_attempt_drops_the_turns_that_it_supersedes() -> None:
    transcript, wrong = listen(
        text(1, 0, 0, 0, "Kept."),
        text(1, 1, 1, 0, "Half a"),
        other(2, 0, "superseded", {"from_turn": 1}),
        text(2, 1, 1, 0, "Whole."),
    )

    assert (transcript.turns, wrong) == ({0: ["Kept."], 1: ["Whole."]}, [])


def test_an_attempt_may_supersede_nothing_but_what_was_never_said() -> None:
    transcript, wrong = listen(
        text(1, 0, 0, 0, "All of it."), other(2, 0, "superseded", {"from_turn": 1}), other(2, 1, "end")
    )

    assert (transcript.last_text(), wrong) == ("All of it.", [])


def test_lower_attempts_are_ignored_from_then_on() -> None:
    transcript, wrong = listen(
        text(1, 0, 0, 0, "Old"),
        other(2, 0, "superseded", {"from_turn": 0}),
        text(2, 1, 0, 0, "New."),
        text(1, 1, 0, 3, " and still there"),
    )

    assert (transcript.last_text(), wrong) == ("New.", [])


@pytest.mark.parametrize(
    ("all_said", "complaint"),
    [
        ([text(1, 1, 0, 0, "a")], "0 is missing"),
        ([text(1, 0, 0, 0, "a"), text(1, 4, 0, 1, "b")], "1 to 3 is missing"),
        ([text(1, 0, 0, 0, "a"), text(1, 0, 0, 0, "a")], "a second time"),
        ([text(1, 0, 0, 0, "a"), text(1, 1, 0, 5, "b")], "at_char 5, but 1"),
        ([text(1, 0, 0, 0, "a"), text(2, 0, 0, 0, "a")], "without superseded"),
        ([text(2, 0, 0, 0, "a")], "without superseded"),
        ([text(1, 0, 0, 0, "a"), other(1, 1, "superseded", {"from_turn": 0})], "in the middle"),
        ([other(2, 0, "superseded", {})], "without a from_turn"),
        ([other(1, 0, "text", {})], "text without any"),
    ],
)
def test_what_is_wrong_is_said(all_said: list[Said], complaint: str) -> None:
    _, wrong = listen(*all_said)

    assert len(wrong) == 1
    assert complaint in wrong[0]


def test_what_follows_from_a_gap_is_not_said_once_more() -> None:
    _, wrong = listen(text(1, 0, 0, 0, "a"), text(1, 2, 0, 2, "c"), text(1, 3, 0, 3, "d"))

    assert len(wrong) == 1


def test_a_stream_whose_begin_is_gone_is_followed_from_where_it_is() -> None:
    _, wrong = listen(text(3, 7, 2, 40, "rest"), other(3, 8, "end", turn=2), whole=False)

    assert wrong == []
