"""Each record says from where to where it was read, over what is never handed out too."""

from types import SimpleNamespace
from typing import Any

import pytest

from streams import fetch_marks


class Record:
    def __init__(self, offset: int) -> None:
        self.offset = offset


class Fetched:
    """What one fetch brought: (records, position behind them)."""

    def __init__(self, state: Any, offsets: list[int], position: int) -> None:
        self._topic_partition = "place"
        self._assignment = SimpleNamespace(state_value=lambda _: state)
        self._state, self._records, self._behind = state, [Record(offset) for offset in offsets], position

    def original(self, _: int | None) -> list[Record]:
        self._state._position = self._behind
        return self._records


def read(fetched: Fetched) -> list[tuple[int, int, int]]:
    records = fetch_marks._marked(fetched)
    return [(one.offset, one.read_from, one.read_up_to) for one in records]


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(fetch_marks, "_original", Fetched.original)
    return type("State", (), {})()


def test_records_of_a_batch_lead_from_one_to_the_next(state: Any) -> None:
    state._position = 5

    assert read(Fetched(state, [6, 9], 11)) == [(6, 5, 9), (9, 9, 11)]


def test_what_was_passed_without_handing_out_anything_belongs_to_the_next_record(state: Any) -> None:
    state._position = 5
    assert read(Fetched(state, [], 40)) == []
    assert read(Fetched(state, [], 60)) == []

    assert read(Fetched(state, [60], 61)) == [(60, 5, 61)]
    assert read(Fetched(state, [61], 62)) == [(61, 61, 62)]


def test_a_seek_in_between_begins_anew(state: Any) -> None:
    state._position = 5
    read(Fetched(state, [], 40))

    state._position = 100

    assert read(Fetched(state, [101], 102)) == [(101, 100, 102)]
