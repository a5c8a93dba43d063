"""`penstock topics`: creates, checks and describes the topics."""

from collections.abc import Sequence
from typing import Annotated, Any

import orjson
import typer
from rich.table import Table

from app import provision
from app.client.reach import reaching
from app.client.topic_problems import problem_lines
from app.commands.options import AsJson
from app.provision import TopicState
from app.settings import load
from app.terminal import exits, screen
from app.terminal.exits import Exit, Trouble
from streams.options import KafkaOptions
from streams.topics import Topic

DAY_MS = 86_400_000
MIB = 1024 * 1024

topics = typer.Typer(no_args_is_help=True, help="Create, check and describe the topics.")


@topics.command()
def create(
    replication: Annotated[
        int | None, typer.Option(min=1, help="Copies of each; default: as many as brokers, at most 3.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create the topics that are missing. Those that exist are left as they are."""
    exits.run("topics create", lambda: _create(replication, as_json))


@topics.command()
def check(as_json: AsJson = False) -> None:
    """Compare the topics with what they must be. Exits with 1 where something is wrong."""
    exits.run("topics check", lambda: _check(as_json))


@topics.command()
def describe(
    name: Annotated[str | None, typer.Argument(help="One topic only, with or without the prefix.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show every topic: what it is for, who writes and reads it, and how it is kept."""
    exits.run("topics describe", lambda: _describe(name, as_json))


async def _create(replication: int | None, as_json: bool) -> int:
    options = load().stream()
    kafka = options.kafka
    states = await _states(kafka)
    existing = [state for state in states if state.partitions is not None]
    for state in existing:
        if state.partitions != kafka.partitions:
            raise Trouble(f"nothing was created: topic {state.name} {state.problems[0]}")
    async with reaching(kafka.bootstrap, patience_s=60):
        created = set(await provision.create(kafka, replication, stamped=options.trust.signed))
    states = await _states(kafka)
    if as_json:
        _print_json(
            {
                "created": sorted(created),
                "existed": sorted(state.name for state in states if state.name not in created),
                "problems": {state.name: state.problems for state in states if state.problems},
            }
        )
    else:
        for state in states:
            typer.echo(f"{'created' if state.name in created else 'exists '}  {_shape(state)}")
        _print_problems(states)
    return Exit.NOT_ALL if any(state.problems for state in states) else Exit.OK


async def _check(as_json: bool) -> int:
    states = await _states(load().stream().kafka)
    bad = [state for state in states if state.problems]
    if as_json:
        _print_json({"ok": not bad, "topics": [_facts(state) for state in states]})
    else:
        _print_problems(states)
        if not bad:
            typer.echo(f"all {len(states)} topics are as they must be")
    return Exit.NOT_ALL if bad else Exit.OK


async def _describe(name: str | None, as_json: bool) -> int:
    kafka = load().stream().kafka
    states = [state for state in await _states(kafka) if name in (None, state.name, state.topic.name)]
    if not states:
        raise Trouble(f"there is no topic {name!r}: `penstock topics describe` lists them")
    if as_json:
        _print_json({"topics": [_facts(state) for state in states]})
    else:
        screen.out().print(_table(states))
        _print_problems(states)
    return Exit.OK


async def _states(kafka: KafkaOptions) -> list[TopicState]:
    async with reaching(kafka.bootstrap):
        return await provision.describe(kafka)


def _table(states: Sequence[TopicState]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("topic", "what", "key", "partitions", "kept", "largest", "written by", "read by"):
        table.add_column(heading, overflow="fold")
    for state in states:
        topic = state.topic
        partitions = "missing" if state.partitions is None else f"{state.partitions} x{state.replication}"
        largest = f"{topic.max_message_bytes // MIB} MiB"
        table.add_row(
            state.name,
            topic.what,
            topic.key,
            partitions,
            kept(topic),
            largest,
            topic.written_by,
            topic.read_by,
        )
    return table


def kept(topic: Topic) -> str:
    """How long its records stay, as it is declared."""
    if topic.compacted:
        return "latest per key"
    return "broker's default" if topic.retention_ms is None else f"{topic.retention_ms // DAY_MS} d"


def _shape(state: TopicState) -> str:
    return f"{state.name}  {state.partitions} partitions x{state.replication}, {kept(state.topic)}"


def _print_problems(states: Sequence[TopicState]) -> None:
    for line in problem_lines(states):
        typer.echo(line, err=True)


def _facts(state: TopicState) -> dict[str, Any]:
    topic = state.topic
    return {
        "name": state.name,
        "schema": topic.schema,
        "what": topic.what,
        "key": topic.key,
        "written_by": topic.written_by,
        "read_by": topic.read_by,
        "partitions": state.partitions,
        "replication": state.replication,
        "config": {key: state.config.get(key) for key in topic.config()},
        "wanted": topic.config(),
        "problems": state.problems,
    }


def _print_json(document: dict[str, Any]) -> None:
    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
