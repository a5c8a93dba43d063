"""How many of several things are done: a bar on a terminal's standard error."""

from rich.progress import Progress, TaskID

from app.terminal.progress import bars


def done_bar(what: str, total: int) -> tuple[Progress, TaskID]:
    """The bar, to be entered, and its task. Shows nothing where there is no terminal, or only one thing."""
    bar = bars(total)
    return bar, bar.add_task(what, total=total)
