"""`penstock usage`: what tenants used and what it cost, from the usage topic; and their quotas, rebuilt."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

import typer

from app.adapters.clock import SystemClock
from app.adapters.redis_batch import RedisBatch
from app.adapters.redis_client import connect_redis
from app.adapters.redis_months import RedisMonths
from app.operators import quota_text, usage_text
from app.operators.flags import is_tenant_id
from app.operators.quota_counts import differences
from app.operators.quota_rebuild import QuotaRebuild, Standing
from app.operators.reading import tell_skipped
from app.operators.scratch import scratch
from app.operators.time_span import Span, month_named, span_of, span_of_month
from app.operators.usage_reading import plans_of, read_quotas, read_usage
from app.operators.usage_report import By, Question, UsageReport, Zones
from app.operators.usage_text import Dearest, Row
from app.settings import Settings, load
from app.terminal import exits, screen
from app.terminal.exits import Exit, Trouble
from streams.options import StreamOptions
from streams.policy.months import Month
from streams.ports import StoreUnavailable

Form = Literal["table", "csv", "json"]
Wanted = Literal["compare", "apply"]


def usage(
    tenant: Annotated[
        list[str] | None,
        typer.Option("--tenant", "-t", help="Only this tenant's; may be said several times."),
    ] = None,
    by: Annotated[By | None, typer.Option(help="What to group by, beside the tenant; default: day.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Only from then on: 2h (ago), 2026-11-21 or 2026-11-21T07:00:00Z.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Only before then: 1h (ago), a day or a time.")] = None,
    month: Annotated[str | None, typer.Option(help="Only this month: 2026-11.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Lines of CSV, all rows.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON, all rows.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, help="At most so many rows in the table, the dearest.")
    ] = 100,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="The month's quotas, computed anew from the topics.")
    ] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="With --rebuild: where workers count less than that.")
    ] = False,
    apply: Annotated[
        bool, typer.Option("--apply", help="With --rebuild: have workers count at least that.")
    ] = False,
) -> None:
    """Show what was used and what it cost: by day, agent, model, user or tenant, of one tenant, some or all.

    Days and months begin at midnight in the time zone of the tenant's quota, else in UTC. Calls whose state
    is `unknown` (in flight at a crash, estimated) stand apart.

    With --rebuild: runs, tokens and cost of a calendar month, the present one or --month, beside the quotas.
    Workers count them in Redis, from when a quota is first in force: --apply makes up for what was used
    before that, or before Redis was lost.
    """
    with exits.told("usage"):
        settings = load()
        form = _form(as_csv, as_json)
        tenants = _tenants(tenant or [])
        chosen = _month(month, by, since, until, rebuild)
        wanted = _wanted(rebuild, compare, apply)
        span = span_of(since, until, SystemClock.at()) if chosen is None else span_of_month(chosen)
    if rebuild:
        exits.run("usage", lambda: _rebuilt(settings, tenants, chosen, form, wanted))
    question = Question(by or By.DAY, tenants, span)
    exits.run("usage", lambda: _report(settings.stream(), question, form, limit))


def _wanted(rebuild: bool, compare: bool, apply: bool) -> Wanted | None:
    if not rebuild and (compare or apply):
        raise Trouble("--compare and --apply are about the month's quotas: say --rebuild, too")
    if compare and apply:
        raise Trouble("--compare and --apply exclude each other: the first only looks")
    return "apply" if apply else "compare" if compare else None


def _form(as_csv: bool, as_json: bool) -> Form:
    if as_csv and as_json:
        raise Trouble("--csv and --json exclude each other")
    if as_csv:
        return "csv"
    return "json" if as_json else "table"


def _tenants(typed: list[str]) -> frozenset[str]:
    for text in typed:
        if not is_tenant_id(text):
            raise Trouble(
                f"{text!r} is no tenant's id: it has 1 to 128 characters out of A-Z a-z 0-9 . _ : -"
            )
    return frozenset(typed)


def _month(
    text: str | None, by: By | None, since: str | None, until: str | None, rebuild: bool
) -> Month | None:
    said = since is not None or until is not None
    if rebuild and (said or by is not None):
        raise Trouble("--rebuild is about a whole month: say --month, and neither --by, --since nor --until")
    if text is not None and said:
        raise Trouble("say --month, or --since and --until, not both")
    return None if text is None else month_named(text)


async def _report(options: StreamOptions, question: Question, form: Form, limit: int) -> int:
    plans = await plans_of(options, question.tenants) if question.needs_zones else None
    with scratch() as room:
        report = UsageReport(question, Zones(plans), room)
        await read_usage(options.kafka, report)
        rows = (Row(*group) for group in report.groups())
        if form == "csv":
            _print(usage_text.csv_lines(rows, question.by))
        elif form == "json":
            notes = {"skipped": report.skipped.count, "repeated": report.repeated}
            _print(usage_text.json_lines(rows, report.total, question, notes))
        else:
            _print_table(rows, report, limit)
    tell_skipped(report.skipped)
    _tell_repeated(report.repeated)
    if report.strange_requests:
        typer.echo(
            f"of {report.strange_requests} calls the user is not known: requests say it, and those are "
            "not on their topic any more",
            err=True,
        )
    return Exit.OK


def _print_table(rows: Iterable[Row], report: UsageReport, limit: int) -> None:
    dearest = Dearest(limit)
    for row in rows:
        dearest.add(row)
    if not dearest.count:
        question = report.question
        narrowed = bool(question.tenants) or question.span != Span()
        typer.echo("no usage" + (" of what you asked for" if narrowed else ""), err=True)
        return
    by = report.question.by
    screen.out().print(usage_text.table(dearest.rows(by), report.total, by))
    if dearest.left_out:
        typer.echo(
            f"{dearest.left_out} more rows, which cost less, are in the total only: --limit shows more, "
            "--csv and --json show all",
            err=True,
        )


async def _rebuilt(
    settings: Settings, tenants: frozenset[str], month: Month | None, form: Form, wanted: Wanted | None
) -> int:
    options = settings.stream()
    plans = await plans_of(options, tenants)
    with scratch() as room:
        rebuild = QuotaRebuild(plans, tenants, month, SystemClock.at(), room)
        await read_quotas(options.kafka, rebuild)
        rows = list(rebuild.standings())
    if form == "csv":
        _print(quota_text.csv_lines(rows))
    elif form == "json":
        _print(quota_text.json_lines(rows))
    elif rows:
        screen.out().print(quota_text.table(rows))
    else:
        typer.echo("no tenant has a quota or used anything in this month", err=True)
    tell_skipped(rebuild.skipped)
    _tell_repeated(rebuild.repeated)
    if wanted is not None:
        await _compare(settings, rows, wanted)
    return Exit.OK


async def _compare(settings: Settings, rows: Sequence[tuple[str, Standing]], wanted: Wanted) -> None:
    client = connect_redis(settings.redis_url)
    try:
        months = RedisMonths(RedisBatch(client), settings.stream().kafka.app_id)
        found = await differences(rows, months, apply=wanted == "apply")
    except StoreUnavailable as error:
        raise Trouble(
            f"no Redis answers at PENSTOCK_REDIS_URL ({error}): what workers count is there"
        ) from error
    finally:
        await client.aclose()
    for one in found:
        typer.echo(one.shown(), err=True)
    if not found:
        typer.echo("workers count no less than this", err=True)
    elif wanted == "apply":
        typer.echo("workers count what was used from now on", err=True)
    else:
        typer.echo("--apply has them count what was used", err=True)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


def _tell_repeated(count: int) -> None:
    if count:
        typer.echo(f"{count} records repeat a call that is counted already", err=True)
