"""What the matrix shows: a table in the terminal, the same in docs/crash-matrix.md, and one line of JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.table import Table

from tests.chaos.tally import Row, Tally, percentile

HEADINGS: Final = (
    "fault",
    "injected",
    "lost",
    "duplicated",
    "paid twice",
    "out of order",
    "leaked",
    "other",
    "recovery p50",
    "p99",
)
COLUMNS: Final = ("lost", "duplicated", "paid_twice", "out_of_order", "leaked", "other")


def cells(tally: Tally) -> list[list[str]]:
    """A line for each fault that came about or is blamed, and one for all."""
    lines = [
        _line(name, row)
        for name, row in sorted(tally.rows.items())
        if row.injected or any(row.breaches.values())
    ]
    recovery = [_seconds(tally.recovery(share)) for share in (0.5, 0.99)]
    total = ["**all**", f"{tally.faults}", *(f"{tally.total(column)}" for column in COLUMNS), *recovery]
    return [*lines, total]


def _line(name: str, row: Row) -> list[str]:
    recovery = [_seconds(percentile(row.recoveries, share)) for share in (0.5, 0.99)]
    return [name, f"{row.injected}", *(f"{row.breaches[column]}" for column in COLUMNS), *recovery]


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def table(tally: Tally) -> Table:
    """For the terminal."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for number, heading in enumerate(HEADINGS):
        shown.add_column(heading, justify="right" if number else "left", no_wrap=True)
    for line in cells(tally):
        shown.add_row(*(cell.strip("*") for cell in line))
    return shown


def markdown(tally: Tally) -> str:
    """For the page."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "|---" + "|---:" * (len(HEADINGS) - 1) + "|"]
    lines += ["| " + " | ".join(line) + " |" for line in cells(tally)]
    return "\n".join(lines)


def section(tally: Tally, facts: Sequence[str]) -> str:
    """What a run writes of itself."""
    return "\n".join([*(f"- {fact}" for fact in facts), "", markdown(tally), ""])


def write(page: Path, name: str, text: str) -> None:
    """Replace the section between its two marks; the rest of the page is written by hand."""
    before, after = f"<!-- {name}: written by the run -->", f"<!-- {name}: end -->"
    old = page.read_text() if page.exists() else f"{before}\n{after}\n"
    head, found, rest = old.partition(before)
    _, closed, tail = rest.partition(after)
    if not found or not closed:
        raise ValueError(f"{page} has no place for {name}: {before} ... {after}")
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f"{head}{before}\n{text}{after}{tail}")
