"""`penstock doctor`: looks whether everything that a worker needs is there, and says what to do."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import orjson
import typer
from rich.table import Table
from rich.text import Text

from app.commands.options import AsJson
from app.doctor.finding import Finding, Verdict, any_failed
from app.settings import Settings, load
from app.terminal import exits, screen
from app.terminal.exits import Exit

STYLES: dict[Verdict, str] = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(
    as_json: AsJson = False,
) -> None:
    """Check Kafka, Redis, models, MCP servers and this machine. Exits with 1 where no worker should run."""
    with exits.told("doctor"):
        settings = load()
    exits.run("doctor", lambda: _doctor(settings, as_json))


async def _doctor(settings: Settings, as_json: bool) -> int:
    from app.doctor.examination import examine  # here: it brings the Agents SDK, which takes seconds

    findings = await examine(settings)
    if as_json:
        document = {
            "ok": not any_failed(findings),
            "findings": [asdict(finding) for finding in findings],
        }
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        screen.out().print(_table(findings))
        counts = Counter(finding.verdict for finding in findings)
        typer.echo(", ".join(f"{counts[verdict]} {verdict}" for verdict in STYLES))
    return Exit.NOT_ALL if any_failed(findings) else Exit.OK


def _table(findings: Sequence[Finding]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        told = Text(finding.found)
        if finding.advice:
            told.append(f"\n-> {finding.advice}", style="bold")
        table.add_row(Text(finding.verdict, style=STYLES[finding.verdict]), finding.check, told)
    return table
