"""Times on the wire: RFC 3339 in UTC, with milliseconds and `Z`."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

# datetime.fromisoformat takes much more (week dates, no offset, commas); a leap second it does not take.
_RFC_3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:)([0-9]{2})(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def format_at(at: datetime) -> str:
    """2026-11-21T07:05:38.123Z; what is finer than a millisecond is cut."""
    if at.tzinfo is not UTC:
        if at.utcoffset() is None:
            raise ValueError("a time without an offset has no place on the wire")
        at = at.astimezone(UTC)
    return at.isoformat(timespec="milliseconds")[:-6] + "Z"


def parse_at(text: str) -> datetime:
    """Any RFC 3339 time with an offset, as an aware time in UTC, cut to milliseconds like its wire form."""
    match = _RFC_3339.fullmatch(text)
    if match is None:
        raise ValueError("must be an RFC 3339 time with an offset, such as 2026-11-21T07:05:38.123Z")
    day, minute, second, fraction, offset = match.groups()
    leap = second == "60"
    plain = f"{day}T{minute}{'59' if leap else second}{(fraction or '')[:4]}{offset.upper()}"
    try:
        at = datetime.fromisoformat(plain).astimezone(UTC)
        return at + timedelta(seconds=1) if leap else at
    except (ValueError, OverflowError) as error:
        raise ValueError(f"must be a time that exists ({error})") from error


def _validate(value: object) -> datetime:
    if isinstance(value, str):
        return parse_at(value)
    if not isinstance(value, datetime):
        raise ValueError("must be an RFC 3339 time with an offset, such as 2026-11-21T07:05:38.123Z")
    if value.utcoffset() is None:
        raise ValueError("must carry an offset: a time without one says nothing across machines")
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.replace(microsecond=value.microsecond // 1000 * 1000)


At = Annotated[
    datetime,
    PlainValidator(_validate),
    PlainSerializer(format_at, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-21T07:05:38.123Z"]}),
]
