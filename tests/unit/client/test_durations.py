"""Durations and times as people type them."""

from datetime import UTC, datetime, timedelta

import pytest

from app.client.durations import format_ms, parse_duration, parse_time

NOW = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("10m", 600), ("1h30m", 5400), ("500ms", 0.5), ("2d", 172_800), ("1.5h", 5400), ("45", 45)],
)
def test_a_duration_is_read_with_its_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "s", "10x", "10 m", "m10", "-5s", "1e9", "1h 5m"])
def test_what_is_no_duration_is_told_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="write 30s, 10m"):
        parse_duration(text)


def test_a_duration_beyond_any_use_is_refused() -> None:
    with pytest.raises(ValueError, match="century"):
        parse_duration("99999999d")


def test_a_time_is_a_duration_from_now_or_itself() -> None:
    assert parse_time("30s", NOW) == NOW + timedelta(seconds=30)
    assert parse_time("2026-11-21T09:00:00+01:00", NOW) == NOW + timedelta(hours=1)


def test_what_is_no_time_is_told_with_examples() -> None:
    with pytest.raises(ValueError, match="such as 30s"):
        parse_time("tomorrow", NOW)


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [(3, "3 ms"), (999, "999 ms"), (1234, "1.2 s"), (61_000, "1 min 1 s"), (3_660_000, "1 h 1 min")],
)
def test_a_duration_is_said_as_people_say_it(milliseconds: float, said: str) -> None:
    assert format_ms(milliseconds) == said
