"""Times survive the wire, and what is no time with an offset is told so."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas.times import At, format_at, parse_at

adapter: TypeAdapter[datetime] = TypeAdapter(At)


def test_format_has_milliseconds_and_z() -> None:
    at = datetime(2026, 11, 21, 7, 5, 38, 123_987, tzinfo=UTC)

    text = format_at(at)

    assert text == "2026-11-21T07:05:38.123Z"


def test_whole_seconds_still_have_milliseconds() -> None:
    assert format_at(datetime(2026, 11, 21, tzinfo=UTC)) == "2026-11-21T00:00:00.000Z"


def test_format_converts_other_offsets_to_utc() -> None:
    berlin = timezone(timedelta(hours=1))

    assert format_at(datetime(2026, 11, 21, 0, 30, tzinfo=berlin)) == "2026-11-20T23:30:00.000Z"


def test_format_refuses_a_time_without_offset() -> None:
    with pytest.raises(ValueError, match="without an offset"):
        format_at(datetime(2026, 11, 21))  # noqa: DTZ001 - a naive time is the point


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21T07:05:38Z", "2026-11-21T07:05:38.000Z"),
        ("2026-11-21t07:05:38z", "2026-11-21T07:05:38.000Z"),
        ("2026-11-21 07:05:38.5Z", "2026-11-21T07:05:38.500Z"),
        ("2026-11-21T07:05:38.12Z", "2026-11-21T07:05:38.120Z"),
        ("2026-11-21T07:05:38.123456789Z", "2026-11-21T07:05:38.123Z"),
        ("2026-11-21T07:05:38.123+05:30", "2026-11-21T01:35:38.123Z"),
        ("2026-11-21T07:05:38-00:00", "2026-11-21T07:05:38.000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
    ],
)
def test_any_rfc_3339_time_is_read(text: str, expected: str) -> None:
    assert format_at(parse_at(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T07:05:38",
        "2026-11-21",
        "20261121T070538Z",
        "2026-W47-6T07:05:38Z",
        "2026-11-21T07:05:38,5Z",
        "2026-11-21T07:05:38+0100",
        "2026-11-21T24:00:01Z",
        "2026-02-30T00:00:00Z",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:60Z",
        "2026-11-21T07:05:38Z\n",
        "٢٠٢٦-11-21T07:05:38Z",
        "1763708738",
        "",
    ],
)
def test_anything_else_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse_at(text)


@settings(deadline=None)
@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_validated_equals_what_a_reader_sees(at: datetime) -> None:
    kept = adapter.validate_python(at)

    assert adapter.validate_json(adapter.dump_json(kept)) == kept


@pytest.mark.parametrize("value", [1763708738, 1763708738.5, True, datetime(2026, 11, 21)])  # noqa: DTZ001 - naive
def test_numbers_and_naive_datetimes_are_invalid(value: object) -> None:
    with pytest.raises(ValidationError):
        adapter.validate_python(value)
