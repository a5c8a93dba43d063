"""What a reader of deltas may show, whatever crashed."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.client.transcript import Ended, News, Noted, Said, Transcript, Withdrawn
from schemas.deltas import Delta, DeltaKind

AT = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


def delta(attempt: int, seq: int, kind: str, data: dict[str, Any], turn: int = 0, at_char: int = 0) -> Delta:
    return Delta(
        request_id="r",
        tenant_id="t",
        attempt=attempt,
        seq=seq,
        turn=turn,
        at_char=at_char,
        kind=DeltaKind(kind),
        data=data,
        at=AT,
    )


def text(attempt: int, seq: int, said: str, turn: int = 0, at_char: int = 0) -> Delta:
    return delta(attempt, seq, "text", {"text": said}, turn, at_char)


def superseded(attempt: int, from_turn: int) -> Delta:
    return delta(attempt, 0, "superseded", {"from_turn": from_turn}, from_turn)


def read(*deltas: Delta) -> tuple[Transcript, list[News]]:
    transcript = Transcript()
    return transcript, [news for one in deltas for news in transcript.add(one)]


def test_text_is_put_together_turn_by_turn() -> None:
    transcript, news = read(
        text(1, 0, "Let me "), text(1, 1, "look.", at_char=7), text(1, 2, "It is here.", turn=1)
    )

    assert (transcript.turn(0), transcript.last) == ("Let me look.", "It is here.")
    assert news == [Said(0, "Let me "), Said(0, "look."), Said(1, "It is here.")]


def test_superseded_turns_are_dropped_and_earlier_ones_stay() -> None:
    transcript, news = read(
        text(1, 0, "kept"), text(1, 1, "lost", turn=1), superseded(2, from_turn=1), text(2, 1, "anew", turn=1)
    )

    assert (transcript.turn(0), transcript.last) == ("kept", "anew")
    assert news[2:] == [Withdrawn(1, 2), Said(1, "anew")]


def test_a_lower_attempt_is_ignored_from_then_on() -> None:
    transcript, news = read(
        text(1, 0, "old"),
        superseded(2, from_turn=0),
        text(1, 1, " late", at_char=3),
        text(2, 1, "new"),
        delta(1, 2, "end", {"status": "completed"}),
    )

    assert transcript.last == "new"
    assert Ended("completed") not in news


def test_a_delta_that_is_published_twice_is_shown_once() -> None:
    _, news = read(text(1, 0, "once"), text(1, 0, "once"), text(1, 1, "!", at_char=4))

    assert news == [Said(0, "once"), Said(0, "!")]


def test_nothing_is_withdrawn_where_nothing_was_shown() -> None:
    _, news = read(superseded(2, from_turn=0), text(2, 1, "hello"))

    assert news == [Said(0, "hello")]


def test_an_attempt_without_its_first_delta_drops_from_where_it_is_first_heard() -> None:
    transcript, news = read(text(1, 0, "kept"), text(1, 1, "lost", turn=1), text(2, 3, "anew", turn=1))

    assert (transcript.turn(0), transcript.last) == ("kept", "anew")
    assert Withdrawn(1, 2) in news
    assert transcript.gaps == 1


def test_a_gap_is_counted() -> None:
    transcript, _ = read(text(1, 0, "a"), text(1, 2, "c", at_char=2))

    assert transcript.gaps == 1


def test_other_kinds_are_passed_on_and_the_end_is_told() -> None:
    called = delta(1, 0, "tool_called", {"name": "lookup", "call_id": "c", "arguments": "{}"})
    _, news = read(called, delta(1, 1, "end", {"status": "failed"}))

    assert news == [Noted(called), Ended("failed")]


@given(
    turns=st.lists(st.lists(st.text(max_size=5), min_size=1, max_size=4), min_size=1, max_size=4),
    said=st.integers(min_value=0, max_value=20),
    recorded=st.integers(min_value=0, max_value=4),
)
def test_after_a_crash_anywhere_the_last_turn_is_what_was_said_last(
    turns: list[list[str]], said: int, recorded: int
) -> None:
    """Attempt 1 dies after `said` deltas; attempt 2 says every turn from the first unrecorded one anew."""
    from_turn = min(recorded, len(turns) - 1)
    first = _attempt(1, 0, turns)[:said]
    second = [superseded(2, from_turn), *_attempt(2, from_turn, turns, seq=1)]

    transcript, _ = read(*first, *second)

    assert transcript.last == "".join(turns[-1])
    assert transcript.gaps == 0


def _attempt(attempt: int, from_turn: int, turns: list[list[str]], seq: int = 0) -> list[Delta]:
    deltas: list[Delta] = []
    for number, pieces in enumerate(turns):
        if number >= from_turn:
            for position, piece in enumerate(pieces):
                at_char = len("".join(pieces[:position]))
                deltas.append(text(attempt, seq + len(deltas), piece, number, at_char))
    return deltas
