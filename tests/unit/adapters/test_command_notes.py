"""What is noted beside a committed position comes back, and nothing else is taken for it."""

import pytest

from app.adapters import command_notes
from app.adapters.group_offsets import Committed
from streams.flow import DealtWith


@pytest.mark.parametrize("done", [DealtWith(0), DealtWith(7), DealtWith(7, (9, 10, 400)), DealtWith(0, (1,))])
def test_what_was_dealt_with_beyond_the_position_comes_back(done: DealtWith) -> None:
    committed = Committed(done.position, command_notes.written(done))

    assert command_notes.read(committed) == done


@pytest.mark.parametrize("note", ["", "penstock-w-1", "done", "done+", "done+x,", "done+-3,", "done+5"])
def test_what_is_no_such_note_says_nothing(note: str) -> None:
    assert command_notes.read(Committed(5, note)) == DealtWith(5)


def test_a_note_is_never_longer_than_a_broker_takes() -> None:
    done = DealtWith(0, tuple(range(10**9, 10**12, 10**9)))

    note = command_notes.written(done)

    assert len(note) <= command_notes.MOST_BYTES
    told = command_notes.read(Committed(0, note)).beyond
    assert told == done.beyond[: len(told)]
    assert len(told) > 100
