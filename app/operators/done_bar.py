"""How many of several things are done: a bar on a terminal's standard error."""

import sys

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from app.terminal import screen


def done_bar(what: str, total: int) -> tuple[Progress, TaskID]:
    """The bar, to be entered, and its task. Shows nothing where there is no terminal, or only one thing."""
    console = screen.err()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
        redirect_stderr=True,
        disable=total < 2 or not console.is_terminal,
    )
    return bar, bar.add_task(what, total=total)
