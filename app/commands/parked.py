"""`penstock parked`: the requests that wait, and what for."""

from typing import Annotated

import orjson
import typer

from app.adapters.clock import SystemClock
from app.commands.options import AsJson, OnlyTenant
from app.operators import reading, waiting_text
from app.operators.id_prefixes import resolve
from app.operators.waiting import Waiting
from app.settings import load
from app.terminal import exits, screen
from app.terminal.exits import Exit, Trouble
from app.terminal.screen import one_line
from streams.options import KafkaOptions
from streams.parked import ParkReason

parked = typer.Typer(no_args_is_help=True, help="The requests that wait, and what for.")


@parked.command("list")
def list_waiting(
    tenant: OnlyTenant = None,
    reason: Annotated[ParkReason | None, typer.Option(help="Only those that wait for this.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per request.")] = False,
) -> None:
    """Show the requests that wait, the one that came first on top, and count them by reason."""
    with exits.told("parked list"):
        kafka = load().stream().kafka
    exits.run("parked list", lambda: _list(kafka, tenant, reason, as_json))


@parked.command()
def show(
    request_id: Annotated[str, typer.Argument(help="The request's id, or as much of it as only one has.")],
    tenant: OnlyTenant = None,
    as_json: AsJson = False,
) -> None:
    """Show one of them whole, with the request itself."""
    with exits.told("parked show"):
        kafka = load().stream().kafka
    exits.run("parked show", lambda: _show(kafka, request_id, tenant, as_json))


async def _list(kafka: KafkaOptions, tenant: str | None, reason: ParkReason | None, as_json: bool) -> int:
    rows = await reading.waiting(kafka, tenant, lambda one: reason in (None, one.reason))
    if as_json:
        for row in rows:
            typer.echo(orjson.dumps(waiting_text.document(row)))
    elif rows:
        screen.out().print(waiting_text.table(rows, SystemClock.at()))
        typer.echo(waiting_text.counts(rows))
    else:
        typer.echo(
            "no request waits" + (" (of those that you asked for)" if tenant or reason else ""), err=True
        )
    return Exit.OK


async def _show(kafka: KafkaOptions, typed: str, tenant: str | None, as_json: bool) -> int:
    rows = await reading.waiting(kafka, tenant, lambda one: one.request_id.startswith(typed))
    ids = [row.parked.request_id for row in rows]
    meant = resolve(typed, ids, "waiting request", "`penstock parked list` has those that wait")
    found = [row for row in rows if row.parked.request_id == meant]
    if len(found) > 1:
        tenants = ", ".join(sorted(one_line(row.parked.tenant_id) for row in found))
        raise Trouble(
            f"{len(found)} tenants have a waiting request {one_line(meant)} ({tenants}): say --tenant"
        )
    whole = await _with_bytes(kafka, found[0].parked.identity)
    if as_json:
        typer.echo(orjson.dumps(waiting_text.whole_document(whole), option=orjson.OPT_INDENT_2))
    else:
        typer.echo(waiting_text.whole(whole, SystemClock.at()))
    return Exit.OK


async def _with_bytes(kafka: KafkaOptions, identity: tuple[str, str]) -> Waiting:
    """Once more, and now the bytes of this one: those of all that begin alike might not fit into memory."""
    rows = await reading.waiting(kafka, identity[0], lambda one: one.identity == identity, with_bytes=True)
    if not rows:
        raise Trouble(f"{one_line(identity[1])} has just ended: penstock tail responses --from 1m")
    return rows[0]
