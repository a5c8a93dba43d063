"""`penstock cancel`: ends a request that waits or runs, and says how it ended."""

from dataclasses import dataclass
from typing import Annotated

import orjson
import typer

from app import startup
from app.adapters.clock import SystemClock
from app.client.durations import format_ms
from app.client.listening import Silence
from app.client.signing import Signer, signer_of
from app.commands.options import AsJson
from app.operators.actor import this_person
from app.operators.control_line import Order
from app.operators.endings import ResponseEar, past_response
from app.operators.flags import is_tenant_id, patience_s, silence_line
from app.operators.orders import obeyed
from app.operators.verdict_text import verdict
from app.settings import load
from app.terminal import exits
from app.terminal.exits import Exit, Trouble
from schemas.audit import AuditRecord
from schemas.control import Command, ControlCommand
from schemas.responses import AgentResponse, Status
from streams.options import KafkaOptions


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be cancelled, and how long to wait."""

    order: Order
    request_id: str
    patience_s: float
    as_json: bool


def cancel(
    request_id: Annotated[str, typer.Argument(help="The whole id of the request.")],
    tenant: Annotated[str, typer.Option("--tenant", "-t", help="Whose request it is.")],
    reason: Annotated[str | None, typer.Option(help="Why; the response tells it.")] = None,
    actor: Annotated[
        str | None, typer.Option(help="Who cancels; default: your login name @ this machine.")
    ] = None,
    timeout: Annotated[str, typer.Option(help="How long to wait for each answer.")] = "30s",
    as_json: AsJson = False,
) -> None:
    """Cancel a request. One that is not there yet is cancelled when it comes within 24 hours.

    Exits with 0 when it is cancelled or will be, 1 when it ended otherwise, 2 when it could not be done, 3
    when time ran out.
    """
    with exits.told("cancel"):
        settings, patience = load(), patience_s(timeout)
        kafka, signer = settings.stream().kafka, signer_of(settings)
        if not is_tenant_id(tenant):
            raise Trouble(f"--tenant {tenant!r}: must be 1 to 128 characters out of A-Z a-z 0-9 . _ : -")
        try:
            command = ControlCommand(
                command=Command.CANCEL,
                request_id=request_id,
                actor=actor or this_person(),
                reason=reason,
                at=SystemClock.at(),
            )
        except ValueError:
            raise Trouble("a request's id has 1 to 128 characters") from None
        wanted = Wanted(Order(tenant, command), request_id, patience, as_json)
    exits.run("cancel", lambda: _cancel(kafka, signer, wanted))


async def _cancel(kafka: KafkaOptions, signer: Signer, wanted: Wanted) -> int:
    tenant = wanted.order.tenant_id
    await startup.check_kafka(kafka)
    ear = ResponseEar(kafka, tenant, wanted.request_id)
    try:
        await ear.open()
        audit = await obeyed(kafka, signer, wanted.order, wanted.patience_s)
        if audit.outcome == "done":
            response = await ear.hear(wanted.patience_s)
        else:  # not under way: it may have ended before, or it never came
            response = await past_response(kafka, tenant, wanted.request_id)
    except Silence:
        typer.echo(f"penstock cancel: {silence_line(wanted.patience_s, tenant)}", err=True)
        return Exit.TIMED_OUT
    finally:
        await ear.close()
    _tell(wanted, audit, response)
    return _code(audit, response)


def _code(audit: AuditRecord, response: AgentResponse | None) -> int:
    if response is not None:
        return Exit.OK if response.status is Status.CANCELLED else Exit.NOT_ALL
    if audit.outcome == "done":
        return Exit.TIMED_OUT
    return Exit.OK if audit.outcome == "kept" else Exit.NOT_ALL


def _tell(wanted: Wanted, audit: AuditRecord, response: AgentResponse | None) -> None:
    if wanted.as_json:
        typer.echo(
            orjson.dumps(
                {
                    "request_id": wanted.request_id,
                    "tenant_id": wanted.order.tenant_id,
                    "outcome": audit.outcome,
                    "code": audit.code,
                    "audit_id": audit.audit_id,
                    "status": None if response is None else response.status,
                    "generation": None if response is None else response.generation,
                }
            )
        )
        return
    typer.echo(_line(wanted, audit, response))


def _line(wanted: Wanted, audit: AuditRecord, response: AgentResponse | None) -> str:
    if response is not None and audit.outcome == "done":
        late = "" if response.status is Status.CANCELLED else ": it was faster than the command"
        return f"{wanted.request_id} {response.status}{late}"
    if response is not None:
        return f"{wanted.request_id} had ended before: {response.status}"
    if audit.outcome == "done":
        return (
            f"{wanted.request_id} is being cancelled; no response within "
            f"{format_ms(wanted.patience_s * 1000)}: penstock tail responses --from beginning "
            f"--tenant {wanted.order.tenant_id} --request {wanted.request_id}"
        )
    return f"{wanted.request_id} {verdict(Command.CANCEL, audit)}"
