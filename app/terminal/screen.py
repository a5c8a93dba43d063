"""What is written to the terminal: consoles, and texts of others made harmless."""

import re

from rich.console import Console

# Escape sequences and other control characters in a model's answer could move the cursor, rename the window
# or hide text; a line break in a one-line rendering could forge a line. Tabs and line feeds are text.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


FILE_COLUMNS = 220


def out() -> Console:
    """Standard output, as it is now: results. Where it is no terminal nobody counts columns."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = max(console.width, FILE_COLUMNS)
    return console


def err() -> Console:
    """Standard error, as it is now: progress, notes and figures."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def harmless(text: str) -> str:
    """The text without what a terminal would obey."""
    return _CONTROL.sub("\ufffd", text.replace("\r\n", "\n"))


def one_line(text: str, most: int = 100) -> str:
    """The text on one line, cut where it is long."""
    line = harmless(" ".join(text.split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"
