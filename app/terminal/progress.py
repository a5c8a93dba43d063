"""Bars that show progress on a terminal's standard error."""

import sys

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.terminal import screen


def bars(total: int) -> Progress:
    """To be entered, and given tasks. Shows nothing where there is no terminal, or only one thing to do."""
    console = screen.err()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        # What is printed meanwhile goes through the bars' console, hence to standard error: fine only where
        # both are the same terminal.
        redirect_stdout=sys.stdout.isatty(),
        redirect_stderr=True,
        disable=total < 2 or not console.is_terminal,
    )
