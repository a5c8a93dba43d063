"""`penstock usage`: what tenants used and what it cost, from the usage topic; and their quotas, rebuilt."""

from collections.abc import Iterable
from typing import Annotated, Literal, NoReturn

import typer

from app.adapters.clock import SystemClock
from app.operators import quota_text, usage_text
from app.operators.flags import is_tenant_id
from app.operators.quota_rebuild import QuotaRebuild
from app.operators.reading import tell_skipped
from app.operators.scratch import scratch
from app.operators.time_span import Span, month_named, span_of, span_of_month
from app.operators.usage_reading import plans_of, read_quotas, read_usage
from app.operators.usage_report import By, Question, UsageReport, Zones
from app.operators.usage_text import Dearest, Row
from app.settings import load
from app.terminal import exits, screen
from app.terminal.exits import Exit, Trouble
from streams.options import KafkaOptions
from streams.policy.months import Month

Form = Literal["table", "csv", "json"]


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
) -> None:
    """Show what was used and what it cost: by day, agent, model, user or tenant, of one tenant, some or all.

    Days and months begin at midnight in the time zone of the tenant's quota, else in UTC. Calls whose state
    is `unknown` (in flight at a crash, estimated) stand apart.

    With --rebuild: runs, tokens and cost of a calendar month, the present one or --month, beside the quotas.
    """
    with exits.told("usage"):
        kafka = load().stream().kafka
        form = _form(as_csv, as_json)
        tenants = _tenants(tenant or [])
        chosen = _month(month, by, since, until, rebuild)
        span = span_of(since, until, SystemClock.at()) if chosen is None else span_of_month(chosen)
    if rebuild:
        _rebuild(kafka, tenants, chosen, form)
    question = Question(by or By.DAY, tenants, span)
    exits.run("usage", lambda: _report(kafka, question, form, limit))


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


async def _report(kafka: KafkaOptions, question: Question, form: Form, limit: int) -> int:
    plans = await plans_of(kafka, question.tenants) if question.needs_zones else None
    with scratch() as room:
        report = UsageReport(question, Zones(plans), room)
        await read_usage(kafka, report)
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


def _rebuild(kafka: KafkaOptions, tenants: frozenset[str], month: Month | None, form: Form) -> NoReturn:
    exits.run("usage", lambda: _rebuilt(kafka, tenants, month, form))


async def _rebuilt(kafka: KafkaOptions, tenants: frozenset[str], month: Month | None, form: Form) -> int:
    plans = await plans_of(kafka, tenants)
    with scratch() as room:
        rebuild = QuotaRebuild(plans, tenants, month, SystemClock.at(), room)
        await read_quotas(kafka, rebuild)
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
    return Exit.OK


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


def _tell_repeated(count: int) -> None:
    if count:
        typer.echo(f"{count} records repeat a call that is counted already", err=True)
