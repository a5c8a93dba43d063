"""Asks before something is done that cannot be taken back."""

import sys

import typer

from app.terminal.exits import Exit, Trouble


def given(question: str, *, yes: bool) -> bool:
    """True with --yes; where there is no terminal to ask on, --yes must be there."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise Trouble("nothing was done: there is no terminal to ask on, so say --yes")
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:  # Ctrl-C, or the end of the input
        raise typer.Exit(Exit.INTERRUPTED) from None
