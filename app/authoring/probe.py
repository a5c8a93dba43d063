"""Sends one request through the stream and times its answer: what `penstock agents probe` does."""

from contextlib import aclosing
from dataclasses import dataclass

import orjson
import typer

from app import startup
from app.adapters.clock import SystemClock
from app.client import answer_text
from app.client.company import company
from app.client.durations import format_ms
from app.client.exchange import Exchange, Heard, Sent
from app.client.listening import Silence
from app.client.outgoing import BadRequest, Outgoing, SizeRules, prepare
from app.client.signing import signer_of
from app.settings import Settings
from app.terminal.exits import Exit, Trouble
from schemas.responses import AgentResponse, Status


@dataclass(frozen=True, slots=True)
class Canary:
    """What is sent, and how long its answer may take."""

    agent: str
    tenant: str
    text: str
    patience_s: float
    as_json: bool


async def send(settings: Settings, canary: Canary) -> int:
    """OK where it completed in time."""
    request = _request(settings, canary)
    kafka = settings.stream().kafka
    await startup.check_kafka(kafka)
    exchange = Exchange(kafka, settings.max_request_bytes, signer_of(settings))
    try:
        await exchange.open([request], hear=True, deltas=False)
        async with company(kafka), aclosing(exchange.ask([request], _unseen, canary.patience_s)) as asked:
            async for heard in asked:
                return _told(heard, canary)
    except Silence:
        waited = format_ms(canary.patience_s * 1000)
        typer.echo(f"penstock agents probe: {canary.agent} did not answer within {waited}", err=True)
    finally:
        await exchange.close()
    return Exit.NOT_ALL


def _request(settings: Settings, canary: Canary) -> Outgoing:
    document = {
        "tenant_id": canary.tenant,
        "agent": canary.agent,
        "input": canary.text,
        "metadata": {"sent_by": "penstock agents probe"},
    }
    rules = SizeRules(settings.max_request_bytes, settings.max_input_bytes)
    try:
        return prepare(document, rules, SystemClock.at())
    except BadRequest as error:
        raise Trouble(f"not sent: {error}") from None


def _unseen(_: Sent) -> None:
    return


def _told(heard: Heard, canary: Canary) -> int:
    told, total_ms = heard.told, heard.latency_s * 1000
    completed = isinstance(told, AgentResponse) and told.status is Status.COMPLETED
    if canary.as_json:
        typer.echo(_as_json(heard, total_ms))
    elif isinstance(told, AgentResponse):
        for name, value in (("queued", told.queued_ms), ("run", told.run_ms), ("total", total_ms)):
            typer.echo(f"{name:<7} {'-' if value is None else format_ms(value)}")
    if not canary.as_json:
        if problem := answer_text.problem(heard):
            typer.echo(problem, err=True)
        typer.echo(answer_text.figures(heard), err=True)
    return Exit.OK if completed else Exit.NOT_ALL


def _as_json(heard: Heard, total_ms: float) -> bytes:
    told = heard.told
    response = told if isinstance(told, AgentResponse) else None
    return orjson.dumps(
        {
            "request_id": heard.request.request_id,
            "status": answer_text.status_of(heard),
            "queued_ms": response and response.queued_ms,
            "run_ms": response and response.run_ms,
            "total_ms": round(total_ms),
            "error": answer_text.problem(heard),
            "agent_version": response and response.agent_version,
        }
    )
