"""`penstock tenants`: pauses and resumes tenants, and shows their plans; `plans` has what changes them."""

from dataclasses import dataclass
from typing import Annotated, NoReturn

import orjson
import typer

from app import startup
from app.adapters.clock import SystemClock
from app.client.listening import Silence
from app.client.signing import Signer, signer_of
from app.commands import plans
from app.commands.options import AsJson, TenantId, Timeout
from app.operators import plan_text
from app.operators.actor import this_person
from app.operators.control_line import Order
from app.operators.flags import is_tenant_id, patience_s, silence_line
from app.operators.orders import obeyed
from app.operators.plan_reading import read_plans
from app.operators.verdict_text import verdict
from app.settings import load
from app.terminal import exits, screen
from app.terminal.exits import Exit, Trouble
from schemas.audit import AuditRecord
from schemas.control import Command, ControlCommand
from streams.options import KafkaOptions

tenants = typer.Typer(
    no_args_is_help=True, help="Tenants' plans: show, change, keep in files; pause, resume."
)

Reason = Annotated[str | None, typer.Option(help="Why; it stands on the control topic.")]
Actor = Annotated[str | None, typer.Option(help="Who says so; default: your login name @ this machine.")]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asked for."""

    order: Order
    patience_s: float
    as_json: bool

    @property
    def name(self) -> str:
        """The command's, for messages."""
        return f"tenants {self.order.command.command}"


@tenants.command()
def pause(
    tenant: TenantId,
    reason: Reason = None,
    actor: Actor = None,
    timeout: Timeout = "30s",
    as_json: AsJson = False,
) -> None:
    """Let nothing more of a tenant be started, until it is resumed. Its plan says so from then on.

    Exits with 0 when it is paused, 1 when a worker refused, 2 when it could not be done, 3 when no worker
    answered.
    """
    _order(Command.PAUSE, tenant, reason, actor, timeout, as_json)


@tenants.command()
def resume(
    tenant: TenantId,
    reason: Reason = None,
    actor: Actor = None,
    timeout: Timeout = "30s",
    as_json: AsJson = False,
) -> None:
    """Let a paused tenant go on.

    Exits with 0 when it is not paused any more, 1 when a worker refused, 2 when it could not be done, 3 when
    no worker answered.
    """
    _order(Command.RESUME, tenant, reason, actor, timeout, as_json)


@tenants.command("list")
def list_plans(
    paused: Annotated[bool, typer.Option("--paused", help="Only tenants that are paused.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per plan.")] = False,
) -> None:
    """Show every tenant that has a plan of its own."""
    with exits.told("tenants list"):
        kafka = load().stream().kafka
    exits.run("tenants list", lambda: _list(kafka, paused, as_json))


@tenants.command()
def show(tenant: TenantId, as_json: AsJson = False) -> None:
    """Show a tenant's plan as it stands on Kafka. Exits with 1 where it has none of its own."""
    with exits.told("tenants show"):
        kafka = load().stream().kafka
        _must_be_a_tenant(tenant)
    exits.run("tenants show", lambda: _show(kafka, tenant, as_json))


tenants.command("set")(plans.set_plan)
tenants.command()(plans.remove)
tenants.command()(plans.export)
tenants.command("import")(plans.import_plans)
tenants.command()(plans.diff)


def _must_be_a_tenant(text: str) -> None:
    if not is_tenant_id(text):
        raise Trouble(f"{text!r} is no tenant's id: it has 1 to 128 characters out of A-Z a-z 0-9 . _ : -")


async def _list(kafka: KafkaOptions, paused: bool, as_json: bool) -> int:
    found = await read_plans(kafka)
    chosen = sorted(found.paused_tenants if paused else found.tenants)
    if as_json:
        for tenant in chosen:
            typer.echo(orjson.dumps(plan_text.document(found, tenant)))
    elif chosen:
        rows = [plan for tenant in chosen if (plan := found.plan(tenant)) is not None]
        screen.out().print(plan_text.table(rows))
    else:
        typer.echo("no tenant is paused" if paused else "no tenant has a plan of its own", err=True)
    return Exit.OK


async def _show(kafka: KafkaOptions, tenant: str, as_json: bool) -> int:
    document = plan_text.document(await read_plans(kafka, tenant), tenant)
    if as_json:
        typer.echo(orjson.dumps(document))
    elif document["plan"] is not None:
        typer.echo(screen.harmless(orjson.dumps(document["plan"], option=orjson.OPT_INDENT_2).decode()))
    else:
        typer.echo(f"{tenant} has no plan of its own: the defaults hold", err=True)
    return Exit.NOT_ALL if document["plan"] is None else Exit.OK


def _order(
    command: Command, tenant: str, reason: str | None, actor: str | None, timeout: str, as_json: bool
) -> NoReturn:
    with exits.told(f"tenants {command}"):
        settings = load()
        kafka, signer = settings.stream().kafka, signer_of(settings)
        _must_be_a_tenant(tenant)
        said = ControlCommand(
            command=command, actor=actor or this_person(), reason=reason, at=SystemClock.at()
        )
        wanted = Wanted(Order(tenant, said), patience_s(timeout), as_json)
    exits.run(wanted.name, lambda: _give(kafka, signer, wanted))


async def _give(kafka: KafkaOptions, signer: Signer, wanted: Wanted) -> int:
    await startup.check_kafka(kafka)
    try:
        audit = await obeyed(kafka, signer, wanted.order, wanted.patience_s)
    except Silence:
        line = silence_line(wanted.patience_s, wanted.order.tenant_id)
        typer.echo(f"penstock {wanted.name}: {line}", err=True)
        return Exit.TIMED_OUT
    typer.echo(_json(wanted, audit) if wanted.as_json else _line(wanted, audit))
    return Exit.OK if audit.outcome == "done" else Exit.NOT_ALL


def _json(wanted: Wanted, audit: AuditRecord) -> bytes:
    return orjson.dumps(
        {
            "tenant_id": wanted.order.tenant_id,
            "outcome": audit.outcome,
            "code": audit.code,
            "changed": audit.before_sha256 != audit.after_sha256,
            "before_sha256": audit.before_sha256,
            "after_sha256": audit.after_sha256,
            "audit_id": audit.audit_id,
        }
    )


def _line(wanted: Wanted, audit: AuditRecord) -> str:
    tenant, command = wanted.order.tenant_id, wanted.order.command.command
    if audit.outcome != "done":
        return f"{tenant}: {verdict(command, audit)}"
    already = audit.before_sha256 == audit.after_sha256
    if command is Command.PAUSE:
        return f"{tenant} was paused already" if already else f"{tenant} is paused"
    return f"{tenant} was not paused" if already else f"{tenant} goes on"
