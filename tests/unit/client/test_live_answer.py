"""An answer on the terminal, while it is being given."""

import io
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from app.client.live_answer import LiveAnswer
from schemas.deltas import Delta, DeltaKind
from tests.doubles.outcomes import response

AT = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


class Terminal:
    """What stands on it, by stream and as a whole."""

    def __init__(self) -> None:
        self.out = io.StringIO()
        self.err = io.StringIO()
        self.answer = LiveAnswer(self.out, self.err)

    async def show(self, *deltas: Delta) -> None:
        await self.answer.follow(_each(deltas))


async def _each(deltas: Iterable[Delta]) -> AsyncIterator[Delta]:
    for one in deltas:
        yield one


def delta(seq: int, kind: str, data: dict[str, Any], turn: int = 0, attempt: int = 1) -> Delta:
    at_char = data.pop("at_char", 0)
    return Delta(
        request_id="r-1",
        tenant_id="acme",
        attempt=attempt,
        seq=seq,
        turn=turn,
        at_char=at_char,
        kind=DeltaKind(kind),
        data=data,
        at=AT,
    )


def text(seq: int, said: str, turn: int = 0, at_char: int = 0, attempt: int = 1) -> Delta:
    return delta(seq, "text", {"text": said, "at_char": at_char}, turn, attempt)


END = {"status": "completed"}


async def test_text_goes_to_the_output_and_everything_else_beside_it() -> None:
    terminal = Terminal()

    await terminal.show(
        delta(0, "tool_called", {"name": "lookup", "call_id": "c", "arguments": {"order": 7}}),
        delta(1, "tool_returned", {"call_id": "c", "ok": True, "summary": "found"}),
        delta(2, "agent_changed", {"from": "triage", "to": "orders"}),
        text(3, "It is ", turn=1),
        text(4, "here.", turn=1, at_char=6),
        delta(5, "end", dict(END), turn=1),
    )
    terminal.answer.finish(response(output="It is here."))

    assert terminal.out.getvalue() == "It is here.\n"
    assert terminal.err.getvalue().splitlines() == [
        '[tool lookup({"order":7})]',
        "[tool returned: found]",
        "[triage hands over to orders]",
    ]


async def test_each_turn_begins_on_a_line_of_its_own() -> None:
    terminal = Terminal()

    await terminal.show(text(0, "Let me look."), text(1, "Found.", turn=1), delta(2, "end", dict(END)))
    terminal.answer.finish(response(output="Found."))

    assert terminal.out.getvalue() == "Let me look.\nFound.\n"


async def test_a_new_attempt_is_marked_and_its_text_stands_alone() -> None:
    terminal = Terminal()

    await terminal.show(
        text(0, "wrong"),
        delta(0, "superseded", {"from_turn": 0}, attempt=2),
        text(1, "right", attempt=2),
        delta(2, "end", dict(END), attempt=2),
    )
    terminal.answer.finish(response(output="right"))

    assert terminal.out.getvalue() == "wrong\nright\n"
    assert "attempt 2" in terminal.err.getvalue()


@pytest.mark.parametrize(
    ("shown", "stands"), [("It is", "It is here.\n"), ("", "It is here.\n"), ("no", "no\nIt is here.\n")]
)
async def test_what_deltas_left_out_is_taken_from_the_response(shown: str, stands: str) -> None:
    terminal = Terminal()

    await terminal.show(*([text(0, shown)] if shown else []))
    terminal.answer.finish(response(output="It is here."))

    assert terminal.out.getvalue() == stands


async def test_reading_stops_at_the_end() -> None:
    terminal = Terminal()

    await terminal.show(text(0, "done"), delta(1, "end", dict(END)), text(2, " and more", at_char=4))

    assert terminal.out.getvalue() == "done"
    assert terminal.answer.ended.is_set()


async def test_escape_sequences_do_not_reach_the_terminal() -> None:
    terminal = Terminal()

    await terminal.show(
        text(0, "\x1b[2J"),
        delta(1, "tool_returned", {"call_id": "c", "ok": False, "summary": "\x1b]0;title\x07"}),
    )

    assert "\x1b" not in terminal.out.getvalue() + terminal.err.getvalue()
