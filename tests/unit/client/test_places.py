"""Where a reader begins."""

from datetime import UTC, datetime, timedelta

import pytest

from app.client.places import Edge, Offset, Since, Start, parse_start

NOW = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("beginning", Edge("beginning")),
        ("end", Edge("end")),
        ("10m", Since(NOW - timedelta(minutes=10))),
        ("2026-11-21T06:00:00Z", Since(NOW - timedelta(hours=1))),
        ("42", Offset(42)),
        ("-5", Offset(-5)),
    ],
)
def test_a_place_is_an_edge_a_time_or_an_offset(text: str, start: Start) -> None:
    assert parse_start(text, NOW) == start


@pytest.mark.parametrize("text", ["middle", "10x", "--5", "", "9999999d"])
def test_what_is_no_place_is_told_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="write beginning, end, 10m"):
        parse_start(text, NOW)
