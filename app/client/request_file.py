"""Reads a file of requests: JSON lines, checked as a whole before anything is sent."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from app.client.outgoing import Outgoing, SizeRules, prepare_lines
from app.terminal.exits import Trouble

STANDARD_INPUT = "-"
MOST_SHOWN = 20


def read_file(
    name: str, defaults: Mapping[str, Any], rules: SizeRules, at: datetime, *, skip_bad: bool
) -> Sequence[Outgoing]:
    """The requests of the file. Bad lines are told with their numbers, and stop it all unless skipped."""
    if "input" in defaults or "request_id" in defaults:
        raise Trouble("the file has the texts and the ids: give no text and no --request-id with --file")
    good, bad = prepare_lines(_lines(name), defaults, rules, at)
    for line in bad[:MOST_SHOWN]:
        typer.echo(f"{name}:{line.line}: {line.why}", err=True)
    if len(bad) > MOST_SHOWN:
        typer.echo(f"{name}: and {len(bad) - MOST_SHOWN} more bad lines", err=True)
    if bad and not skip_bad:
        raise Trouble(
            f"nothing was sent: {len(bad)} of {len(bad) + len(good)} lines are bad (see --skip-bad)"
        )
    if not good:
        raise Trouble(f"nothing was sent: there is no request in {name}")
    return good


def _lines(name: str) -> Sequence[bytes]:
    try:
        content = sys.stdin.buffer.read() if name == STANDARD_INPUT else Path(name).read_bytes()
    except OSError as error:
        raise Trouble(f"cannot read {name}: {error.strerror or error}") from None
    return content.split(b"\n")
