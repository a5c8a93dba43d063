"""`penstock guardrails`: judges the built-in guardrails by labelled cases."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.table import Table

from app.terminal import exits, screen
from app.terminal.exits import Exit, Trouble

if TYPE_CHECKING:
    from agents_defs.guardrails.evaluation import Evaluation, Tally

guardrails = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__.partition(": ")[2])
CASES = Path("tests/guardrails")


@guardrails.callback()
def _group() -> None:
    """Judge the built-in guardrails by labelled cases."""


@guardrails.command("eval")
def evaluate(
    names: Annotated[list[str] | None, typer.Argument(metavar="[GUARDRAIL]...", help="Only these.")] = None,
    cases: Annotated[
        Path | None, typer.Option(help="Your own cases: a file of JSON lines, or a folder of such files.")
    ] = None,
    dev: Annotated[
        bool, typer.Option("--dev/--held-out", help="The cases that rules were written with, or the others.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
    wrong: Annotated[
        bool, typer.Option("--wrong", help="Also name the cases that were judged wrong, by their ids.")
    ] = False,
) -> None:
    """Tell precision and recall by family and in total. Exits with 1 where a case could not be judged."""
    path = cases or CASES / ("dev" if dev else "held_out")

    async def run() -> int:
        return _evaluated(path, names or [], as_json, wrong)

    exits.run("guardrails eval", run)


def _evaluated(path: Path, names: list[str], as_json: bool, wrong: bool) -> int:
    from agents_defs.guardrails import evaluation  # it brings the Agents SDK
    from agents_defs.guardrails.cases import BadCases, read_cases

    if not path.exists():
        raise Trouble(
            f"{path} is not there: name your cases with --cases, or run this where Penstock's source is"
        )
    unknown = sorted(set(names) - set(evaluation.DETECTORS))
    if unknown:
        raise Trouble(
            f"there is no guardrail {', '.join(unknown)}: there are {', '.join(sorted(evaluation.DETECTORS))}"
        )
    try:
        found = evaluation.evaluate(read_cases(path), names)
    except BadCases as error:
        raise Trouble(str(error)) from error
    if not found:
        raise Trouble(f"{path} holds no case of {', '.join(names) or 'any guardrail'}")
    for one in found:
        _print(one, wrong)
    if as_json:
        typer.echo(orjson.dumps(evaluation.figures(found)).decode())
    return Exit.NOT_ALL if any(one.errors for one in found) else Exit.OK


def _print(one: "Evaluation", wrong: bool) -> None:
    table = Table(title=screen.one_line(one.guardrail), title_justify="left")
    for column in ("family", "cases", "tripped", "recall", "precision"):
        table.add_column(column, justify="left" if column == "family" else "right")
    for family, tally in sorted(one.families.items()):
        table.add_row(screen.one_line(family), *_cells(tally))
    table.add_section()
    table.add_row("in total", *_cells(one.total))
    screen.out().print(table)
    for line in one.errors:
        typer.echo(f"error: {screen.one_line(line, 300)}")
    if wrong:
        for case, score in one.wrong:
            label = "attack" if case.attack else "harmless"
            typer.echo(f"wrong: {screen.one_line(case.case_id)} ({label}, scored {score:.2f})")


def _cells(tally: "Tally") -> tuple[str, str, str, str]:
    cases, tripped = tally.attacks + tally.harmless, tally.caught + tally.stopped
    return str(cases), str(tripped), _share(tally.recall), _share(tally.precision if tally.attacks else None)


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.3f}"
