"""The provider's own account of the calls that it billed, by call id, and which of them the books hold."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from app.verify.call_ids import call_key, request_of
from app.verify.decoding import ms
from app.verify.facts import Sums, split
from schemas.partitions import partition_for
from schemas.times import parse_at

UNSEEN, SETTLED, UNKNOWN = range(3)
NO_PARTITION = -1  # of calls whose id names no request
ROW = 4  # figures of a line
LOST_MS = 1000  # what a store with `appendfsync everysec` may lose
SLACK_MS = 500  # between the provider's clock and that of who says when it was lost
FIGURES = ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")


@dataclass(frozen=True, slots=True)
class Repeated:
    """A call that was billed more than once: its lines, and the call id of each."""

    lines: tuple[int, ...]
    call_ids: tuple[str, ...]


def _end_ms(entry: Mapping[str, Any]) -> int:
    try:
        return ms(parse_at(entry["at"])) + int(entry.get("took_ms") or 0)
    except (KeyError, TypeError, ValueError):
        return 0


class Ledger:
    """Billed calls, by number of their line. Ids are kept as hashes: there are as many as calls."""

    def __init__(self) -> None:
        self.unidentified = 0
        """Billed calls without a call id."""
        self.unreadable = 0
        """Lines that are none."""
        self._lines: dict[int, int] = {}
        self._keys: dict[int, int] = {}
        self._figures = array("q")
        self._starts = array("q")  # where the line stands in the file
        self._ends_ms = array("q")  # when the call had its answer; 0 where that is not told
        self._marks = bytearray()
        self._obliged = 0
        self._repeated: dict[int, list[int]] = {}
        self._of_partition: dict[int, array[int]] = {}
        self._path: Path | None = None

    def __len__(self) -> int:
        return len(self._marks)

    # -- reading

    def load(self, path: Path, obliged_bytes: int, partitions: int) -> None:
        """Read the whole file. What stood in its first `obliged_bytes` must be in the books by now."""
        self._path = path
        start = 0
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):  # else it is being written
                    self._take(line, start, partitions)
                start += len(line)
                if start <= obliged_bytes:
                    self._obliged = len(self)

    def _take(self, line: bytes, start: int, partitions: int) -> None:
        try:
            entry = orjson.loads(line)
            if not entry["billed"]:
                return
            call_id = entry["call_id"]
            figures = [int(entry.get(name) or 0) for name in FIGURES]
        except (ValueError, TypeError, KeyError, AttributeError):
            self.unreadable += 1
            return
        if not isinstance(call_id, str) or not call_id:
            self.unidentified += 1
            return
        number = len(self)
        self._figures.extend(figures)
        self._starts.append(start)
        self._ends_ms.append(_end_ms(entry))
        self._marks.append(UNSEEN)
        self._lines.setdefault(hash(call_id), number)
        first = self._keys.setdefault(hash(call_key(call_id)), number)
        if first != number:
            self._repeated.setdefault(first, [first]).append(number)
        name = request_of(call_id)
        tenant = None if name is None else split(name)[0]
        partition = NO_PARTITION if tenant is None else partition_for(tenant.encode(), partitions)
        self._of_partition.setdefault(partition, array("q")).append(number)

    # -- matching

    def find(self, call_id: str) -> int | None:
        """The number of the call's (first) line."""
        return self._lines.get(hash(call_id))

    def mark(self, number: int, unknown: bool) -> None:
        """The books hold this call."""
        self._marks[number] = UNKNOWN if unknown else SETTLED

    def state(self, number: int) -> int:
        """UNSEEN, SETTLED or UNKNOWN."""
        return self._marks[number]

    def sums(self, number: int) -> Sums:
        """The line's figures; a ledger knows tokens, not prices."""
        asked, cached, said, reasoning = self._figures[ROW * number : ROW * (number + 1)]
        return Sums(1, asked, cached, said, reasoning)

    def lost(self, number: int, lost_ms: Sequence[int]) -> bool:
        """Whether the call ended in the last second before one of these times."""
        end_ms = self._ends_ms[number]
        return any(at_ms - LOST_MS - SLACK_MS <= end_ms <= at_ms + SLACK_MS for at_ms in lost_ms)

    # -- what is left

    def unseen(self, partition: int) -> Iterator[int]:
        """Lines of tenants of this partition that the books should hold but do not."""
        for number in self._of_partition.get(partition, ()):
            if number < self._obliged and self._marks[number] == UNSEEN:
                yield number

    def repeated(self) -> Iterator[Repeated]:
        """Calls that were billed more than once."""
        for numbers in self._repeated.values():
            call_ids = tuple(self.call_id(number) for number in numbers)
            yield Repeated(tuple(numbers), call_ids)

    @property
    def keys(self) -> int:
        """How many different calls were billed."""
        return len(self._keys)

    def call_id(self, number: int) -> str:
        """Read from the file again: ids are not kept."""
        return str(self._entry(number)["call_id"])

    def _entry(self, number: int) -> dict[str, Any]:
        assert self._path is not None  # noqa: S101  there is no line without a file
        with self._path.open("rb") as file:
            file.seek(self._starts[number])
            entry: dict[str, Any] = orjson.loads(file.readline())
            return entry
