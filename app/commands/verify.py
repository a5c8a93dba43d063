"""`penstock verify`: judges, from the topics themselves, whether the promises were kept."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.status import Status

from app.adapters.clock import SystemClock
from app.client.durations import parse_duration
from app.commands.options import AsJson
from app.settings import Settings, load
from app.terminal import exits, screen
from app.terminal.exits import Exit, Trouble
from app.verify.decoding import ms
from app.verify.deployment import CannotRead, Deployment
from app.verify.dump import BadDump, Dump, Recorder
from app.verify.findings import Promise, Verdict
from app.verify.inspection import Inspection, Options
from app.verify.kafka_reader import reading
from app.verify.ledger import Ledger
from app.verify.records import Kind, Snapshot, Source, Terms
from app.verify.report import Money, Report
from schemas.codec import encode
from schemas.times import parse_at

JSON_FORMAT = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS  # enumerations are keys, too
CODES = {Verdict.HELD: Exit.OK, Verdict.BREACHED: Exit.NOT_ALL, Verdict.UNJUDGED: Exit.CANNOT}


@dataclass(frozen=True, slots=True)
class Wishes:
    """The flags of the command."""

    ledger: Path | None
    since: str | None
    dump: Path | None
    record: Path | None
    required: Sequence[Promise]
    options: Options
    as_json: bool


def verify(
    ledger: Annotated[
        Path | None,
        typer.Option(help="The provider's own account of its calls, JSON lines.", dir_okay=False),
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only requests from then on: 2h (ago), or 2026-11-21T07:00:00Z.")
    ] = None,
    as_json: AsJson = False,
    require: Annotated[
        list[Promise] | None, typer.Option(help="A promise that must have been judged; may be repeated.")
    ] = None,
    skew: Annotated[
        str, typer.Option(help="How far apart the clocks of your workers may be, for the order of runs.")
    ] = "0ms",
    store_lost_at: Annotated[
        list[str] | None,
        typer.Option(help="When Redis lost its last second: what it paid twice is told apart; repeatable."),
    ] = None,
    examples: Annotated[int, typer.Option(min=1, help="Breaches told of each promise.")] = 5,
    record: Annotated[
        Path | None, typer.Option(help="Also write what is read to this directory.", file_okay=False)
    ] = None,
    dump: Annotated[
        Path | None, typer.Option(help="Read such a directory instead of Kafka.", file_okay=False)
    ] = None,
) -> None:
    """Judge whether the promises were kept. Exits with 1 on a breach, with 2 where nothing was checked."""
    options = Options(
        skew_ms=int(_duration(skew).total_seconds() * 1000),
        most_examples=examples,
        lost_ms=tuple(ms(_time(text)) for text in store_lost_at or ()),
    )
    wishes = Wishes(ledger, since, dump, record, require or (), options, as_json)
    exits.run("verify", lambda: _verify(wishes))


async def _verify(wishes: Wishes) -> int:
    try:
        report = await _judge(wishes)
    except (CannotRead, BadDump) as error:
        raise Trouble(str(error)) from error
    if wishes.as_json:
        typer.echo(orjson.dumps(report.as_json(), option=JSON_FORMAT).decode())
    else:
        _print(report)
    return CODES[report.verdict]


async def _judge(wishes: Wishes) -> Report:
    # What the ledger held before the snapshot was taken must be in the books; what comes later may be.
    obliged_bytes = wishes.ledger.stat().st_size if wishes.ledger is not None else 0
    with _watching(wishes) as status:
        async with _source(wishes) as source:
            ledger = _ledger(wishes.ledger, obliged_bytes, source.snapshot)
            inspection = Inspection(source, ledger, wishes.options)
            if status is not None:
                inspection.progress = _Progress(status, source.snapshot)
            findings = await inspection.run()
    billed = inspection.books.billed if ledger is not None else None
    return Report(
        findings,
        findings.verdict(wishes.required),
        source.snapshot,
        inspection.read,
        Money(inspection.books.settled, inspection.books.unknown, billed),
    )


@asynccontextmanager
async def _source(wishes: Wishes) -> AsyncIterator[Source]:
    if wishes.dump is not None:
        if wishes.record is not None or wishes.since is not None:
            raise Trouble("--dump reads what was recorded, as it was: leave out --record and --since")
        yield Dump(wishes.dump)
        return
    settings, at = load(), SystemClock.at()
    since_ms = None if wishes.since is None else ms(_since(wishes.since, at))
    async with reading(_deployment(settings), ms(at), since_ms) as reader:
        if wishes.record is None:
            yield reader
            return
        with Recorder(reader, wishes.record) as recorder:
            yield recorder


def _deployment(settings: Settings) -> Deployment:
    tiers = settings.stream().limits.tiers
    terms = Terms(
        settings.requests_per_minute,
        settings.max_request_bytes,
        settings.idempotency_days,
        {name: orjson.loads(encode(plan)) for name, plan in tiers.items()},
    )
    return Deployment(settings.kafka_bootstrap, settings.topic_prefix, settings.app_id, terms)


def _ledger(path: Path | None, obliged_bytes: int, snapshot: Snapshot) -> Ledger | None:
    if path is None:
        return None
    ledger = Ledger()
    ledger.load(path, obliged_bytes, max(1, snapshot.partitions))
    return ledger


def _since(text: str, at: datetime) -> datetime:
    try:
        return at - parse_duration(text)
    except ValueError:
        pass
    try:
        return parse_at(text)
    except ValueError:
        raise Trouble(
            f"--since {text!r}: write how long ago, such as 2h, or a time such as 2026-11-21T07:05:38Z"
        ) from None


def _time(text: str) -> datetime:
    try:
        return parse_at(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}") from error


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _watching(wishes: Wishes) -> AbstractContextManager[Status | None]:
    console = screen.err()
    if wishes.as_json or not console.is_terminal:
        return nullcontext()
    return console.status("taking the snapshot")


@dataclass(slots=True)
class _Progress:
    """Says on the terminal what is being read."""

    status: Status
    snapshot: Snapshot
    records: int = 0

    def __call__(self, kind: Kind, partition: int, count: int) -> None:
        self.records += count
        name = self.snapshot.names[kind]
        self.status.update(
            f"{name}[{partition}] of {self.snapshot.partitions}: {self.records:,} records read"
        )


def _print(report: Report) -> None:
    console = screen.out()
    console.print(report.table())
    for line in report.lines():
        console.print(screen.one_line(line, most=2000), soft_wrap=True)
    console.print(report.conclusion())
