"""Sends, waits and prints: what `penstock send` does once its requests are ready."""

import asyncio
import contextlib
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

import orjson
import typer

from app import startup
from app.client import answer_text
from app.client.answer_text import Tally
from app.client.company import company
from app.client.durations import format_ms
from app.client.exchange import Exchange, Heard, Sent
from app.client.listening import Silence
from app.client.live_answer import LiveAnswer
from app.client.outgoing import Outgoing
from app.client.send_progress import SendProgress
from app.client.signing import signer_of
from app.settings import Settings
from app.terminal.exits import Exit
from schemas.responses import AgentResponse

LAST_DELTA_S = 0.5  # how long to wait for the end of a stream whose response is here


@dataclass(frozen=True, slots=True)
class Manner:
    """How to wait, and what to print."""

    wait: bool
    patience_s: float
    as_json: bool
    many: bool


async def hold(settings: Settings, requests: Sequence[Outgoing], manner: Manner) -> int:
    """From sending to the last answer; the exit code says how it went."""
    kafka, signer = settings.stream().kafka, signer_of(settings)
    await startup.check_kafka(kafka)
    exchange = Exchange(kafka, settings.max_request_bytes, signer)
    live = manner.wait and not manner.as_json and not manner.many and requests[0].stream
    try:
        await exchange.open(requests, hear=manner.wait, deltas=live)
        if not manner.wait:
            return await _only_send(exchange, requests, manner)
        async with company(kafka):
            if live:
                return await _listen(exchange, requests[0], manner)
            return await _ask(exchange, requests, manner)
    except Silence:
        _tell_silence(exchange, manner)
        return Exit.TIMED_OUT
    except asyncio.CancelledError:
        _tell_interruption(exchange, requests)
        raise
    finally:
        await exchange.close()


async def _only_send(exchange: Exchange, requests: Sequence[Outgoing], manner: Manner) -> int:
    with SendProgress(len(requests), answers=False) as progress:

        def on_sent(sent: Sent) -> None:
            progress.sent()
            typer.echo(_sent_line(sent, manner.as_json))

        await exchange.send(requests, on_sent)
    return Exit.OK


def _sent_line(sent: Sent, as_json: bool) -> str:
    if not as_json:
        return f"{sent.request.name} sent to {sent.topic}[{sent.partition}]@{sent.offset}"
    place = {"topic": sent.topic, "partition": sent.partition, "offset": sent.offset}
    return orjson.dumps(
        {"request_id": sent.request.request_id, "tenant_id": sent.request.tenant_id, **place}
    ).decode()


async def _ask(exchange: Exchange, requests: Sequence[Outgoing], manner: Manner) -> int:
    tally = Tally()
    with SendProgress(len(requests), answers=True) as progress:
        asked = exchange.ask(requests, lambda _: progress.sent(), manner.patience_s)
        async with aclosing(asked):
            async for heard in asked:
                tally.add(heard)
                progress.answered()
                _print_outcome(heard, manner)
    if manner.many and not manner.as_json:
        typer.echo(tally.line(), err=True)
    return Exit.OK if tally.all_completed else Exit.NOT_ALL


async def _listen(exchange: Exchange, request: Outgoing, manner: Manner) -> int:
    """One request whose answer is shown while it is written."""
    answer, tally = LiveAnswer(), Tally()
    following = asyncio.create_task(answer.follow(exchange.deltas_of(request)))
    try:
        asked = exchange.ask([request], _unseen, manner.patience_s)
        async with aclosing(asked):
            async for heard in asked:
                tally.add(heard)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(answer.ended.wait(), LAST_DELTA_S)
                if isinstance(heard.told, AgentResponse):
                    answer.finish(heard.told)
                _print_end(heard, shown=isinstance(getattr(heard.told, "output", None), str))
    finally:
        following.cancel()
    return Exit.OK if tally.all_completed else Exit.NOT_ALL


def _unseen(_: Sent) -> None:
    return


def _print_outcome(heard: Heard, manner: Manner) -> None:
    if manner.as_json:
        typer.echo(answer_text.as_json_line(heard))
    elif manner.many:
        typer.echo(answer_text.one_of_many(heard))
    else:
        _print_end(heard, shown=False)


def _print_end(heard: Heard, *, shown: bool) -> None:
    """The answer on standard output, all else on standard error: `answer=$(penstock send …)` works."""
    told = heard.told
    if not shown and isinstance(told, AgentResponse) and told.output is not None:
        typer.echo(answer_text.output_text(told.output))
    if problem := answer_text.problem(heard):
        typer.echo(problem, err=True)
    typer.echo(answer_text.figures(heard), err=True)


def _tell_silence(exchange: Exchange, manner: Manner) -> None:
    left = exchange.awaited
    names = ", ".join(request.request_id for request in left[:3])
    typer.echo(
        f"penstock send: no answer within {format_ms(manner.patience_s * 1000)} to {len(left)} requests "
        f"({names}{', …' if len(left) > 3 else ''}); they go on, and an id that was answered before is not "
        f"answered again: penstock tail responses --from beginning --request {left[0].request_id}",
        err=True,
    )


def _tell_interruption(exchange: Exchange, requests: Sequence[Outgoing]) -> None:
    left = len(exchange.awaited)
    if left:
        typer.echo(f"stopped waiting for {left} of {len(requests)} requests; they go on", err=True)
