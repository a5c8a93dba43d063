"""A feed numbers what a run says, puts text together and cuts what no record holds."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.deltas import DeltaFeed
from tests.doubles.delta_reader import DeltaReader

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
LIMIT_BYTES = 900_000  # of the topic's 1 MiB


def feed(attempt: int = 1) -> DeltaFeed:
    return DeltaFeed("acme", "r-1", 2, attempt)


def collected(source: DeltaFeed) -> list[dict[str, Any]]:
    return [json.loads(value) for value in source.collect(AT)]


def test_text_of_one_turn_is_put_together_until_it_is_collected() -> None:
    source = feed()
    for at_char, letter in enumerate("sea"):
        source.add("text", {"text": letter}, 0, at_char)

    (delta,) = collected(source)

    assert (delta["seq"], delta["turn"], delta["at_char"], delta["data"]) == (0, 0, 0, {"text": "sea"})


def test_numbers_go_on_from_collection_to_collection() -> None:
    source = feed()
    source.add("text", {"text": "one "}, 0, 0)
    first = collected(source)
    source.add("text", {"text": "two"}, 0, 4)
    second = collected(source)

    assert [(delta["seq"], delta["at_char"]) for delta in first + second] == [(0, 0), (1, 4)]


def test_text_of_different_turns_and_kinds_stays_apart() -> None:
    source = feed()
    source.add("text", {"text": "a"}, 0, 0)
    source.add("reasoning", {"text": "hm"}, 0, 1)
    source.add("text", {"text": "b"}, 0, 1)
    source.add("text", {"text": "c"}, 1, 0)

    assert [(one["kind"], one["turn"], one["data"]["text"]) for one in collected(source)] == [
        ("text", 0, "a"),
        ("reasoning", 0, "hm"),
        ("text", 0, "b"),
        ("text", 1, "c"),
    ]


def test_what_was_handed_in_is_left_alone() -> None:
    source, said = feed(), {"text": "a"}
    source.add("text", said, 0, 0)
    source.add("text", {"text": "b"}, 0, 1)

    assert said == {"text": "a"}


def test_a_later_attempt_says_first_that_it_supersedes() -> None:
    source = feed(attempt=3)
    source.add("text", {"text": "a"}, 0, 0)

    first, second = collected(source)

    assert (first["kind"], first["data"], first["seq"], first["attempt"]) == (
        "superseded",
        {"from_turn": 0},
        0,
        3,
    )
    assert second["seq"] == 1


def test_the_end_follows_on_what_was_said() -> None:
    source = feed()
    source.add("text", {"text": "abc"}, 2, 0)
    collected(source)

    (end,) = [json.loads(value) for value in source.end("completed", AT)]

    assert (end["kind"], end["seq"], end["turn"], end["at_char"]) == ("end", 1, 2, 3)
    assert end["data"] == {"status": "completed"}


def test_an_attempt_that_ends_before_it_began_still_supersedes_the_one_before() -> None:
    source = DeltaFeed("acme", "r-1", 0, attempt=2)

    kinds = [json.loads(value)["kind"] for value in source.end("expired", AT)]

    assert kinds == ["superseded", "end"]


def test_every_delta_says_whose_it_is() -> None:
    source = feed()
    source.add("text", {"text": "a"}, 0, 0)

    (delta,) = collected(source)

    assert (delta["request_id"], delta["tenant_id"], delta["at"]) == (
        "r-1",
        "acme",
        "2026-11-21T12:00:00.000Z",
    )


@given(st.lists(st.tuples(st.integers(0, 3), st.text(max_size=20), st.booleans()), max_size=40))
def test_however_it_is_collected_a_reader_puts_the_text_together_again(
    said: list[tuple[int, str, bool]],
) -> None:
    source, turns, heard = feed(), dict[int, str](), []
    turn = 0
    for step, text, collect in said:
        turn += step
        if text:
            source.add("text", {"text": text}, turn, len(turns.get(turn, "")))
            turns[turn] = turns.get(turn, "") + text
        heard += collected(source) if collect else []
    heard += collected(source)

    assert DeltaReader(heard).turns == turns


@pytest.mark.parametrize("text", ["x" * 300_000, "\u0001" * 150_000, "語" * 200_000])
def test_text_of_any_length_fits_into_records(text: str) -> None:
    source = feed()
    source.add("text", {"text": text}, 0, 0)

    values = source.collect(AT)

    assert max(map(len, values)) < LIMIT_BYTES
    assert DeltaReader(map(json.loads, values)).text == text


def nested(levels: int) -> Any:
    value: Any = "end"
    for _ in range(levels):
        value = [value]
    return value


ARGUMENTS = [5, None, True, "text", [1], {}, {"order": 7}, {"n": 2**80}, {"x": float("nan")}, "\ud800"]


@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_arguments_of_any_kind_are_told(arguments: Any) -> None:
    source = feed()
    source.add("tool_called", {"name": "look_up", "call_id": "c-1", "arguments": arguments}, 0, 0)

    (delta,) = collected(source)

    assert delta["data"]["name"] == "look_up"


@pytest.mark.parametrize(
    "arguments",
    [
        "x" * 2_000_000,
        {"why": "x" * 2_000_000},
        ["x" * 100] * 100_000,
        nested(300),
        {"deep": nested(600)},
        {"é" * 400_000: "\ud800"},
    ],
    ids=["text", "a field", "a list", "deep", "deeper", "half a letter"],
)
def test_arguments_of_any_size_fit_into_a_record(arguments: Any) -> None:
    source = feed()
    source.add("tool_called", {"name": "look_up", "call_id": "c-1", "arguments": arguments}, 0, 0)

    (value,) = source.collect(AT)

    assert len(value) < LIMIT_BYTES


def test_arguments_that_fit_are_told_as_they_are() -> None:
    source, arguments = feed(), {"order": 7, "lines": [1, 2, {"a": None}]}
    source.add("tool_called", {"name": "look_up", "call_id": "c-1", "arguments": arguments}, 0, 0)

    assert collected(source)[0]["data"]["arguments"] == arguments


def test_what_is_out_is_known_turn_by_turn() -> None:
    feed = DeltaFeed("acme", "r-1", 0, 4)
    feed.resume(1)
    feed.collect(AT)
    feed.published()
    assert feed.turns_out() == 1

    feed.add("text", {"text": "hello"}, 2, 0)
    feed.collect(AT)
    assert feed.turns_out() == 1
    feed.published()

    assert feed.turns_out() == 2  # of the third turn more may follow
