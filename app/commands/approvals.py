"""`penstock approvals`: tool calls that wait for a person: lists them, and decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NoReturn

import orjson
import typer

from app import lifetime, startup
from app.adapters.clock import SystemClock
from app.client.listening import Silence
from app.client.signing import Signer, signer_of
from app.commands.options import AsJson, OnlyTenant, Timeout, Yes
from app.operators import call_text, reading
from app.operators.actor import this_person
from app.operators.calls import Call, decided_line, open_calls, the_call
from app.operators.control_line import Order
from app.operators.flags import patience_s, silence_line
from app.operators.orders import obeyed
from app.operators.verdict_text import verdict
from app.settings import load
from app.terminal import consent, exits, screen
from app.terminal.exits import Exit
from app.terminal.screen import one_line
from schemas.audit import AuditRecord
from schemas.control import Command
from streams.options import KafkaOptions

approvals = typer.Typer(no_args_is_help=True, help="Tool calls that wait for a person: list them, decide.")

ApprovalId = Annotated[str, typer.Argument(help="The approval's id, or as much of it as only one has.")]
Reason = Annotated[str | None, typer.Option(help="Why; the audit has it, and the model is told of a no.")]
Actor = Annotated[str | None, typer.Option(help="Who decides; default: your login name @ this machine.")]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the command line asked for."""

    command: Command
    approval_id: str
    tenant: str | None
    actor: str
    reason: str | None
    yes: bool
    patience_s: float
    as_json: bool


@approvals.command("list")
def list_calls(
    tenant: OnlyTenant = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per call.")] = False,
) -> None:
    """Show the tool calls that wait, the one that expires first on top."""
    with exits.told("approvals list"):
        kafka = load().stream().kafka
    exits.run("approvals list", lambda: _list(kafka, tenant, as_json))


@approvals.command()
def show(approval_id: ApprovalId, tenant: OnlyTenant = None, as_json: AsJson = False) -> None:
    """Show one of them whole: the tool, its arguments, who asks for what, and until when."""
    with exits.told("approvals show"):
        kafka = load().stream().kafka
    exits.run("approvals show", lambda: _show(kafka, approval_id, tenant, as_json))


@approvals.command()
def approve(
    approval_id: ApprovalId,
    tenant: OnlyTenant = None,
    reason: Reason = None,
    actor: Actor = None,
    yes: Yes = False,
    timeout: Timeout = "30s",
    as_json: AsJson = False,
) -> None:
    """Let the tool call be made, with exactly the arguments that are shown.

    Exits with 0 when it was approved, 1 when not, 2 when it could not be done, 3 when no worker answered.
    """
    _decide(Command.APPROVE, approval_id, tenant, reason, actor, yes, timeout, as_json)


@approvals.command()
def reject(
    approval_id: ApprovalId,
    tenant: OnlyTenant = None,
    reason: Reason = None,
    actor: Actor = None,
    yes: Yes = False,
    timeout: Timeout = "30s",
    as_json: AsJson = False,
) -> None:
    """Refuse the tool call: the model is told so, with the reason, and the run goes on.

    Exits with 0 when it was rejected, 1 when not, 2 when it could not be done, 3 when no worker answered.
    """
    _decide(Command.REJECT, approval_id, tenant, reason, actor, yes, timeout, as_json)


async def _list(kafka: KafkaOptions, tenant: str | None, as_json: bool) -> int:
    rows = await reading.waiting(kafka, tenant, lambda one: bool(one.approvals))
    calls, at = open_calls(rows), SystemClock.at()
    if as_json:
        for call in calls:
            typer.echo(orjson.dumps(call_text.document(call, at)))
    elif calls:
        screen.out().print(call_text.table(calls, at))
    else:
        typer.echo("no tool call waits for anybody" + (f" (tenant {tenant})" if tenant else ""), err=True)
    return Exit.OK


async def _show(kafka: KafkaOptions, approval_id: str, tenant: str | None, as_json: bool) -> int:
    call, at = the_call(await reading.calls(kafka, tenant), approval_id), SystemClock.at()
    if as_json:
        typer.echo(orjson.dumps(call_text.document(call, at), option=orjson.OPT_INDENT_2))
    else:
        typer.echo(call_text.whole(call, at))
    return Exit.OK


def _decide(
    command: Command,
    approval_id: str,
    tenant: str | None,
    reason: str | None,
    actor: str | None,
    yes: bool,
    timeout: str,
    as_json: bool,
) -> NoReturn:
    with exits.told(f"approvals {command}"):
        wanted = Decision(
            command,
            approval_id,
            tenant,
            actor or this_person(),
            reason,
            yes,
            patience_s(timeout),
            as_json,
        )
        settings = load()
        kafka, signer = settings.stream().kafka, signer_of(settings)
        calls = lifetime.run(lambda: reading.calls(kafka, tenant))
        call = _agreed(calls, wanted)
    exits.run(f"approvals {command}", lambda: _send(kafka, signer, call, wanted))


def _agreed(calls: Sequence[Call], wanted: Decision) -> Call:
    """The call, once the person has seen it and means it."""
    call = the_call(calls, wanted.approval_id)
    if (told := decided_line(call)) is not None:
        typer.echo(f"nothing was sent: it is {told}", err=True)
        raise typer.Exit(Exit.NOT_ALL)
    typer.echo(call_text.question(call, SystemClock.at()), err=True)
    if not consent.given(f"{str(wanted.command).capitalize()} this?", yes=wanted.yes):
        typer.echo("nothing was sent", err=True)
        raise typer.Exit(Exit.NOT_ALL)
    return call


async def _send(kafka: KafkaOptions, signer: Signer, call: Call, wanted: Decision) -> int:
    command = call.decision(wanted.command, wanted.actor, wanted.reason, SystemClock.at())
    await startup.check_kafka(kafka)
    try:
        audit = await obeyed(kafka, signer, Order(call.tenant_id, command), wanted.patience_s)
    except Silence:
        said = silence_line(wanted.patience_s, call.tenant_id)
        typer.echo(f"penstock approvals {wanted.command}: {said}", err=True)
        return Exit.TIMED_OUT
    if wanted.as_json:
        typer.echo(orjson.dumps(_document(call, wanted, audit)))
    else:
        typer.echo(f"{one_line(call.approval.approval_id)} {_told(call, wanted, audit)}")
    return Exit.OK if audit.outcome == "done" else Exit.NOT_ALL


def _told(call: Call, wanted: Decision, audit: AuditRecord) -> str:
    others = len(call.waiting.open_approvals) - 1
    if audit.outcome != "done" or not others:
        return verdict(wanted.command, audit)
    verb = "approved" if wanted.command is Command.APPROVE else "rejected"
    return f"{verb}: the run goes on when {others} more {'is' if others == 1 else 'are'} decided"


def _document(call: Call, wanted: Decision, audit: AuditRecord) -> dict[str, str | None]:
    return {
        "command": wanted.command,
        "approval_id": call.approval.approval_id,
        "tenant_id": call.tenant_id,
        "request_id": call.request_id,
        "actor": wanted.actor,
        "outcome": audit.outcome,
        "code": audit.code,
        "audit_id": audit.audit_id,
    }
