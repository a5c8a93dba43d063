"""Durations and times as people type them: 30s, 10m, 1h30m, 500ms, or an RFC 3339 time."""

import re
from datetime import datetime, timedelta

from schemas.times import parse_at

_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")
_NUMBER = re.compile(r"\d+(\.\d+)?")
LONGEST_S = 36_500 * _UNIT_S["d"]


def parse_duration(text: str) -> timedelta:
    """A bare number is seconds. ValueError says what is expected."""
    if _NUMBER.fullmatch(text):
        seconds = float(text)
    elif _WHOLE.fullmatch(text):
        seconds = sum(float(number) * _UNIT_S[unit] for number, unit in _PART.findall(text))
    else:
        raise ValueError(f"{text!r} is no duration: write 30s, 10m, 1h30m or 500ms")
    if seconds > LONGEST_S:
        raise ValueError(f"{text!r} is longer than a century")
    return timedelta(seconds=seconds)


def parse_time(text: str, at: datetime) -> datetime:
    """A duration counts from `at`."""
    try:
        return at + parse_duration(text)
    except ValueError:
        pass
    try:
        return parse_at(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no time: write a duration such as 30s, or a time such as 2026-11-21T07:05:38Z"
        ) from None


def format_ms(milliseconds: float) -> str:
    """850 ms, 1.2 s, 3 min 20 s."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, left = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {left} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
