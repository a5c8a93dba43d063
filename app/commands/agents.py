"""`penstock agents`: the agents that are registered: shown, checked, tried."""

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from app.settings import load
from app.terminal import exits, screen
from app.terminal.exits import Trouble

agents = typer.Typer(no_args_is_help=True, help="The agents that are registered: shown, checked, tried.")
Name = Annotated[str, typer.Argument(help="An agent, or one version: support@3.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Format(StrEnum):
    TEXT = "text"
    MERMAID = "mermaid"
    DOT = "dot"


@agents.command("list")
def list_agents(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per version.")] = False,
) -> None:
    """Show all versions of all agents: model, limits, where each is defined."""
    from app.authoring import agent_text, choosing  # they bring the Agents SDK, which takes seconds

    with exits.told("agents list"):
        settings = load()
        registry = choosing.registered(settings)
        rows = [(spec, registry.origin(spec)) for spec in registry.specs()]
        if as_json:
            for spec, origin in rows:
                typer.echo(orjson.dumps(agent_text.document(spec, origin, settings)))
        else:
            screen.out().print(agent_text.table(rows, settings))


@agents.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show one whole: limits, model, agents, tools with effects and approvals, hand-offs, guardrails."""
    from app.authoring import agent_text, choosing

    with exits.told("agents show"):
        settings = load()
        registry = choosing.registered(settings)
        spec = choosing.chosen(registry, name)
        cards = choosing.drawn(registry, spec)
        origin = registry.origin(spec)
        if as_json:
            document: Any = agent_text.whole_document(spec, origin, settings, cards)
            typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        else:
            typer.echo(agent_text.whole(spec, origin, settings, cards))


@agents.command()
def graph(
    name: Name,
    output: Annotated[Format, typer.Option("--format", "-f", help="How to print it.")] = Format.TEXT,
) -> None:
    """Draw an agent: the agents it hands off to or asks, and their tools."""
    from app.authoring import choosing, graph_text

    with exits.told("agents graph"):
        registry = choosing.registered(load())
        cards = choosing.drawn(registry, choosing.chosen(registry, name))
        match output:
            case Format.TEXT:
                typer.echo(graph_text.as_tree(cards))
            case Format.MERMAID:
                typer.echo(graph_text.as_mermaid(cards))
            case Format.DOT:
                typer.echo(graph_text.as_dot(cards))


@agents.command()
def check(
    names: Annotated[list[str] | None, typer.Argument(help="Agents; all where none is named.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per finding.")] = False,
) -> None:
    """Examine definitions offline: what they are made of, and clocks and dice that a replay would trip over.

    Exits with 1 where something is to be mended, with a line per finding: file:line, what, what to do.
    """
    from app.authoring import choosing, judging

    with exits.told("agents check"):
        registry = choosing.registered(load())
        code = judging.judge(choosing.all_or(registry, names or []), as_json=as_json)
    raise typer.Exit(code)


@agents.command(hidden=True)
def build() -> None:
    """Build every agent: whether a change can be loaded."""
    from app.authoring import choosing

    with exits.told("agents build"):
        registry = choosing.registered(load())
        for spec in registry.specs():
            choosing.drawn(registry, spec)


@agents.command("try")
def try_out(
    name: Name,
    question: Annotated[str | None, typer.Argument(help="What it is asked; none: a conversation.")] = None,
    model: Annotated[str | None, typer.Option(help="Another model than the agent's.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Without network: the offline model.")] = False,
    tenant: Annotated[str, typer.Option("--tenant", "-t", help="For whom its tools work.")] = "try",
    max_cost_usd: Annotated[str | None, typer.Option(help="Hard cap of each run's cost: 0.25")] = None,
    record: Annotated[Path | None, typer.Option(help="Write what its models answer to this file.")] = None,
) -> None:
    """Run an agent here, without Kafka: text, tools and hand-offs as they come, approvals asked for.

    What it costs is told at its end. Exits with 1 where a run failed, with the code that a response has.
    A file of --record is what tests replay: docs/testing.md.
    """
    with exits.told("agents try"):
        settings = load(model_provider="offline" if offline else None)
        cap = _usd(max_cost_usd)

    async def tried() -> int:
        from app.authoring import choosing
        from app.authoring.trial import Trial, Wishes
        from app.authoring.trial_tools import equipped

        spec = choosing.chosen(choosing.registered(settings), name)
        with equipped(settings):
            return await Trial(settings, spec, Wishes(tenant, model, cap, record)).hold(question)

    exits.run("agents try", tried)


@agents.command()
def probe(
    name: Name,
    tenant: Annotated[str, typer.Option("--tenant", "-t", help="Whose request it is.")] = "penstock-probe",
    text: Annotated[str, typer.Option(help="What is asked.")] = "This is a probe. Answer with one word.",
    timeout: Annotated[str, typer.Option(help="Give up after this time.")] = "1m",
    as_json: AsJson = False,
) -> None:
    """Send an agent a request through Kafka and time its answer: queued, run, total.

    Exits with 0 when it completed, 1 when it did not, also not in time.
    """
    from app.authoring.probe import Canary, send

    with exits.told("agents probe"):
        settings = load()
        canary = Canary(name, tenant, text, _patience_s(timeout), as_json)
    exits.run("agents probe", lambda: send(settings, canary))


def _patience_s(text: str) -> float:
    from app.client.durations import parse_duration

    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise Trouble(f"--timeout: {error}") from None


def _usd(text: str | None) -> Decimal | None:
    try:
        cap = None if text is None else Decimal(text)
    except ArithmeticError:
        cap = Decimal(0)
    if cap is not None and not cap > 0:
        raise Trouble(f"--max-cost-usd {text}: write an amount, as in 0.25")
    return cap
