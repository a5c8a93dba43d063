"""`penstock tail`: shows the records of a topic as they come."""

import sys
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated

import typer

from app.adapters.clock import SystemClock
from app.client import record_line
from app.client.log_reader import LogReader, partition_count
from app.client.places import Start, parse_start
from app.client.record_filter import Raw, RecordFilter
from app.commands.options import OnlyTenant
from app.settings import load
from app.terminal import exits
from app.terminal.exits import Exit, Trouble
from schemas.partitions import partition_for
from streams.options import KafkaOptions
from streams.topics import DELTAS, METRICS, RESPONSES, TOPICS, USAGE, Topic

# What Penstock writes to the partition of the tenant; users may have written to any, by mistake.
IN_THEIR_PLACE = frozenset({RESPONSES.name, DELTAS.name, USAGE.name, METRICS.name})
COLOURS = {
    "completed": "green",
    "refused": "yellow",
    "expired": "yellow",
    "cancelled": "yellow",
    "failed": "red",
    "superseded": "yellow",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to read and how to print it."""

    topic: str
    start: Start
    filter: RecordFilter
    limit: int | None
    follow: bool
    form: str


def tail(
    topic: Annotated[str, typer.Argument(help="responses, deltas, deadletter, …, or any topic's full name.")],
    tenant: OnlyTenant = None,
    request: Annotated[
        str | None, typer.Option("--request", "-r", help="Only about this request_id.")
    ] = None,
    status: Annotated[str | None, typer.Option(help="Only with this status: failed, refused, …")] = None,
    agent: Annotated[str | None, typer.Option("--agent", "-a", help="Only of this agent: support@3.")] = None,
    code: Annotated[str | None, typer.Option(help="Only with this failure code: limit_requests, …")] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="beginning, end, 10m (ago), an RFC 3339 time, an offset, or -50: so many offsets before "
            "each partition's end. Default: end, or beginning with --no-follow.",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="Stop after so many.")] = None,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Wait for more.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per record.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="The values' bytes, one per line.")] = False,
) -> None:
    """Show records of a topic, one per line, until Ctrl-C. What is not committed is not shown."""
    with exits.told("tail"):
        if as_json and raw:
            raise Trouble("--json and --raw exclude each other")
        kafka = load().stream().kafka
        try:
            begin = parse_start(start or ("end" if follow else "beginning"), SystemClock.at())
        except ValueError as error:
            raise Trouble(f"--from: {error}") from None
        wanted = Wanted(
            topic,
            begin,
            RecordFilter(tenant, request, status, agent, code),
            limit,
            follow,
            "json" if as_json else "raw" if raw else "line",
        )
    exits.run("tail", lambda: _tail(kafka, wanted))


async def _tail(kafka: KafkaOptions, wanted: Wanted) -> int:
    known, name = find_topic(wanted.topic, kafka)
    count = await partition_count(kafka.bootstrap, name)
    if count is None:
        names = ", ".join(topic.name for topic in TOPICS)
        raise Trouble(f"there is no topic {name}: write its full name, or one of {names}")
    partitions: Sequence[int] = range(count)
    if wanted.filter.tenant is not None and known is not None and known.name in IN_THEIR_PLACE:
        partitions = [partition_for(wanted.filter.tenant.encode(), count)]
    # Deltas are visible before their run's transaction ends; a committed reader would wait for it.
    reader = LogReader(kafka.bootstrap, name, partitions, committed=known is not DELTAS)
    try:
        await reader.open(wanted.start)
        await _print_all(reader, wanted, known)
    finally:
        await reader.close()
    return Exit.OK


def find_topic(name: str, kafka: KafkaOptions) -> tuple[Topic | None, str]:
    """One of ours by its short or full name, or any other by its full name."""
    for topic in TOPICS:
        full = topic.full_name(kafka.topic_prefix, kafka.app_id)
        if name in (topic.name, full):
            return topic, full
    return None, name


async def _print_all(reader: LogReader, wanted: Wanted, known: Topic | None) -> None:
    left = wanted.limit
    batches = reader.records(follow=wanted.follow)
    async with aclosing(batches):
        async for batch in batches:
            for record in batch:
                if not wanted.filter.may_match(record):
                    continue
                document = record_line.document_of(record)
                if not wanted.filter.matches(record, document):
                    continue
                _print(record, document, known, wanted.form)
                left = None if left is None else left - 1
                if left == 0:
                    return
            sys.stdout.flush()


def _print(record: Raw, document: record_line.Document | None, known: Topic | None, form: str) -> None:
    if form == "raw":
        sys.stdout.buffer.write((record.value or b"") + b"\n")
    elif form == "json":
        sys.stdout.buffer.write(record_line.as_json(record, document) + b"\n")
    else:
        line = record_line.line(record, document, known.schema if known else None)
        typer.echo(coloured(line) if sys.stdout.isatty() else line)


def coloured(line: str) -> str:
    """The place dimmed, how it ended in a colour."""
    place, *parts = line.split(record_line.GAP)
    shown = [
        typer.style(part, fg=COLOURS[part.partition(" ")[0]]) if part.partition(" ")[0] in COLOURS else part
        for part in parts
    ]
    return record_line.GAP.join([typer.style(place, dim=True), *shown])
