"""What was used, as a table, as CSV and as JSON; rows are written as they come, however many. No I/O."""

import csv
import heapq
import json
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Any, NamedTuple

from rich.table import Table
from rich.text import Text

from app.operators.time_span import Bound, LocalDay
from app.operators.usage_report import NAMED, NO_USER, NOT_KNOWN, By, Question
from app.operators.usage_sums import Figures, Sums
from app.terminal.screen import harmless, one_line
from schemas.money import format_usd
from schemas.times import format_at

LABELS = {NO_USER: "(none)", NOT_KNOWN: "(not known)"}
COUNTS = ("calls", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "tokens")


class Row(NamedTuple):
    """Of one tenant and, unless tenants are all that is asked for, of one name."""

    tenant: str
    name: str
    sums: Sums


class Dearest:
    """The rows that cost most, as many as a table shows; the others are only counted."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[Any, int, Row]] = []
        self.count = 0

    def add(self, row: Row) -> None:
        """One more."""
        self.count += 1
        entry = (row.sums.weight, -self.count, row)
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    @property
    def left_out(self) -> int:
        """How many are not shown."""
        return self.count - len(self._heap)

    def rows(self, by: By) -> list[Row]:
        """Days in their order; all else with the dearest on top."""
        if by is By.DAY:
            return sorted((row for _, _, row in self._heap), key=lambda row: (row.tenant, row.name))
        return [row for _, _, row in sorted(self._heap, reverse=True)]


def label(by: By, name: str) -> str:
    """A group's name in words."""
    if by is not By.USER:
        return name
    return LABELS.get(name, name.removeprefix(NAMED))


def table(rows: Iterable[Row], total: Sums, by: By) -> Table:
    """The unknown ones have columns of their own, where there are any."""
    shown = Table(box=None, pad_edge=False, header_style="bold", show_footer=True)
    names = ["tenant"] if by is By.TENANT else ["tenant", by.value]
    for number, name in enumerate(names):
        shown.add_column(name, Text("total" if number == 0 else ""), overflow="fold")
    with_unknown = bool(total.unknown.calls)
    headings = ["calls", "input", "cached", "output", "reasoning", "tokens", "cost USD"]
    headings += ["unknown calls", "tokens", "cost USD"] if with_unknown else []
    for heading, cell in zip(headings, _cells(total, with_unknown), strict=True):
        shown.add_column(heading, Text(cell), justify="right")
    for row in rows:
        words = [row.tenant] if by is By.TENANT else [row.tenant, label(by, row.name)]
        cells = [one_line(word, 256) for word in words] + _cells(row.sums, with_unknown)
        shown.add_row(*map(Text, cells))
    return shown


def _cells(sums: Sums, with_unknown: bool) -> list[str]:
    settled, unknown = sums.settled, sums.unknown
    cells = [*(f"{getattr(settled, name):,}" for name in COUNTS), format_usd(settled.cost_usd)]
    if with_unknown:
        cells += [f"{unknown.calls:,}", f"{unknown.tokens:,}", format_usd(unknown.cost_usd)]
    return cells


def csv_lines(rows: Iterable[Row], by: By) -> Iterator[str]:
    """A heading, and a line for each row; no total, for who adds up a column would count it."""
    names = ["tenant_id"] if by is By.TENANT else ["tenant_id", by.value]
    figures = [*COUNTS, "cost_usd"]
    yield _csv_line([*names, *figures, *(f"unknown_{name}" for name in figures)])
    for row in rows:
        words = [row.tenant] if by is By.TENANT else [row.tenant, harmless(label(by, row.name))]
        both = (row.sums.settled, row.sums.unknown)
        yield _csv_line([*words, *(cell for one in both for cell in _figures(one).values())])


def _csv_line(cells: Iterable[Any]) -> str:
    line = StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def json_lines(rows: Iterable[Row], total: Sums, question: Question, notes: dict[str, int]) -> Iterator[str]:
    """One document, a line for each row."""
    head = {
        "by": question.by.value,
        "tenants": sorted(question.tenants) or None,
        "since": _bound(question.span.since),
        "until": _bound(question.span.until),
    }
    yield _json(head)[:-1] + ',"rows":['
    before: str | None = None
    for row in rows:
        if before is not None:
            yield before + ","
        before = _json(_document(row, question.by))
    if before is not None:
        yield before
    yield '],"total":' + _json(_sums(total)) + "," + _json(notes)[1:]


def _document(row: Row, by: By) -> dict[str, Any]:
    document: dict[str, Any] = {"tenant_id": row.tenant}
    if by is By.USER:
        document["user"] = None if row.name in LABELS else row.name.removeprefix(NAMED)
        document["user_known"] = row.name != NOT_KNOWN
    elif by is not By.TENANT:
        document[by.value] = row.name
    return document | _sums(row.sums)


def _sums(sums: Sums) -> dict[str, Any]:
    return _figures(sums.settled) | {"unknown": _figures(sums.unknown)}


def _figures(figures: Figures) -> dict[str, Any]:
    counts: dict[str, Any] = {name: getattr(figures, name) for name in COUNTS}
    return counts | {"cost_usd": format_usd(figures.cost_usd)}


def _bound(bound: Bound) -> str | None:
    if bound is None:
        return None
    return bound.day.isoformat() if isinstance(bound, LocalDay) else format_at(bound)


def _json(document: dict[str, Any]) -> str:
    """Sums may be larger than the 64 bits that faster writers take."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
