"""Examines definitions of agents and says what is wrong: what `penstock agents check` does."""

from collections.abc import Sequence

import orjson
import typer

from agents_defs.agent_spec import AgentSpec
from agents_defs.authoring.examination import examine
from agents_defs.authoring.finding import Finding
from app.terminal.exits import Exit
from app.terminal.screen import harmless


def judge(specs: Sequence[AgentSpec], *, as_json: bool) -> Exit:
    """One line for each finding; NOT_ALL where one of them is an error."""
    findings = [finding for spec in specs for finding in examine(spec)]
    wrong = [finding for finding in findings if finding.level == "error"]
    for finding in findings:
        typer.echo(orjson.dumps(finding.document()) if as_json else harmless(line(finding)))
    if not as_json:
        typer.echo(_verdict(len(specs), len(wrong)), err=True)
    return Exit.NOT_ALL if wrong else Exit.OK


def line(finding: Finding) -> str:
    """With the file and line in front, where editors look for it."""
    note = "note: " if finding.level == "note" else ""
    what = f"{finding.what}: {finding.instead}" if finding.instead else finding.what
    return f"{finding.place}: {finding.agent}: {note}{what}"


def _verdict(agents: int, wrong: int) -> str:
    of = f"{agents} agent{'' if agents == 1 else 's'}"
    return f"{of} examined, nothing is wrong" if not wrong else f"{of} examined, {wrong} findings to mend"
