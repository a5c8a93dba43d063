"""A listing: one row for each thing, and nothing in it that a terminal would obey."""

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from app.terminal.screen import one_line

LONGEST = 256


def listing(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Cells fold where the terminal is narrow."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        shown.add_column(heading, overflow="fold")
    for cells in rows:
        shown.add_row(*(Text(one_line(cell, LONGEST)) for cell in cells))
    return shown
