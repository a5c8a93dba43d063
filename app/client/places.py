"""Where a reader begins: --from beginning, end, 10m ago, a time or an offset."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.client.durations import parse_duration
from schemas.times import parse_at


@dataclass(frozen=True, slots=True)
class Edge:
    """One of the two ends of each partition."""

    which: Literal["beginning", "end"]


@dataclass(frozen=True, slots=True)
class Offset:
    """The same offset in each partition, or (-50) so many before the end of each; markers count, too."""

    offset: int


@dataclass(frozen=True, slots=True)
class Since:
    """The first record of each partition that is no older."""

    at: datetime


Start = Edge | Offset | Since


def parse_start(text: str, at: datetime) -> Start:
    """A bare number is an offset; durations have a unit. ValueError says what is expected."""
    match text:
        case "beginning" | "end":
            return Edge(text)
        case _ if text.removeprefix("-").isdigit():
            return Offset(int(text))
    try:
        return Since(at - parse_duration(text))
    except (ValueError, OverflowError):
        pass
    try:
        return Since(parse_at(text))
    except ValueError:
        pass
    raise ValueError(
        f"{text!r} is no place: write beginning, end, 10m (ago), an offset, or 2026-11-21T07:05:38Z"
    )
