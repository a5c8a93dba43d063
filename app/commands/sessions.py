"""`penstock sessions`: what agents remember: lists it, shows it, exports it, deletes it for good."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from agents_defs.memory.facts import FactsUnavailable
from app import lifetime, startup
from app.adapters.clock import SystemClock
from app.adapters.redis_batch import RedisBatch
from app.adapters.redis_client import connect_redis
from app.adapters.redis_facts import RedisFacts
from app.adapters.redis_sessions import RedisSessions
from app.adapters.session_values import StoredTurn
from app.client.durations import parse_duration
from app.client.signing import signer_of
from app.commands.options import OnlyTenant, Timeout, Yes
from app.memory import open_seal, open_sessions
from app.operators import session_text
from app.operators.actor import this_person
from app.operators.flags import is_tenant_id, patience_s
from app.operators.session_deletion import Deletion, Report, Target, open_requests
from app.operators.session_desk import SessionDesk
from app.settings import Settings, load
from app.terminal import consent, exits, screen
from app.terminal.exits import Exit, Trouble
from app.terminal.screen import one_line
from streams.ports import StoreUnavailable

sessions = typer.Typer(no_args_is_help=True, help="What agents remember: list, show, export, delete it.")

SessionId = Annotated[str, typer.Argument(help="The whole id of the session.")]
Tenant = Annotated[str, typer.Option("--tenant", "-t", help="Whose it is.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@sessions.command("list")
def list_sessions(
    tenant: OnlyTenant = None,
    as_json: AsJson = False,
) -> None:
    """Show all sessions: whose, in which store, how many turns, and when they expire."""
    with exits.told("sessions list"):
        settings = load()
    exits.run("sessions list", lambda: _list(settings, tenant, as_json))


@sessions.command()
def show(session_id: SessionId, tenant: Tenant, as_json: AsJson = False) -> None:
    """Show what was said in a session."""
    with exits.told("sessions show"):
        settings, tenant = load(), _tenant(tenant)
    exits.run("sessions show", lambda: _show(settings, tenant, session_id, as_json))


@sessions.command()
def export(
    tenant: Tenant,
    session_id: Annotated[str | None, typer.Argument(help="The whole id of a session.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="Also all facts about this user.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="A new file. Default: standard output.")] = None,
) -> None:
    """Write a session, or what is remembered of a user, or both, as one JSON object."""
    with exits.told("sessions export"):
        target = _target(tenant, session_id, user)
        settings = load()
    exits.run("sessions export", lambda: _export(settings, target, out))


@sessions.command()
def delete(
    tenant: Tenant,
    session_id: Annotated[str | None, typer.Argument(help="The whole id of a session.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="Also all facts about this user.")] = None,
    yes: Yes = False,
    actor: Annotated[
        str | None, typer.Option(help="Who deletes; default: your login name @ this machine.")
    ] = None,
    timeout: Timeout = "30s",
    as_json: AsJson = False,
) -> None:
    """Delete a session for good, or what is remembered of a user, or both.

    Its requests that wait or run are cancelled; then its turns go, and what the journals of its requests
    hold; and so with all that these requests asked of other agents. A run that cannot be cancelled does not
    write any of it back. What stands on Kafka (requests, responses) stays there until its topic's time is up.

    Exits with 0 when all is deleted, 1 when a request was not cancelled, 2 when it could not be done.
    """
    with exits.told("sessions delete"):
        target = _target(tenant, session_id, user)
        settings, patience = load(), patience_s(timeout)
        kafka = settings.stream().kafka
        requests, question = lifetime.run(lambda: _looked_at(settings, target))
        typer.echo(question, err=True)
        if not consent.given("Delete this for good?", yes=yes):
            typer.echo("nothing was deleted", err=True)
            raise typer.Exit(Exit.NOT_ALL)
        deletion = Deletion(kafka, signer_of(settings), actor or this_person(), patience)
    exits.run("sessions delete", lambda: _carried_out(settings, deletion, target, requests, as_json))


@sessions.command()
def clean(
    older_than: Annotated[str, typer.Option("--older-than", help="Since their last turn: 30d, 12h.")],
    yes: Yes = False,
) -> None:
    """Delete old sessions from the database of PENSTOCK_SESSIONS_URL. Those in Redis expire by themselves."""
    with exits.told("sessions clean"):
        settings = load()
        if settings.sessions_url is None:
            raise Trouble("PENSTOCK_SESSIONS_URL names no database: sessions in Redis expire by themselves")
        try:
            before = SystemClock.at() - parse_duration(older_than)
        except (ValueError, OverflowError) as error:
            raise Trouble(f"--older-than: {error}") from None
        question = f"Delete all sessions without a turn since {before:%Y-%m-%d %H:%M} UTC?"
        if not consent.given(question, yes=yes):
            typer.echo("nothing was deleted", err=True)
            raise typer.Exit(Exit.NOT_ALL)
    exits.run("sessions clean", lambda: _clean(settings, before.timestamp()))


@sessions.command()
def reseal() -> None:
    """Seal all sessions and facts with the first key of PENSTOCK_MEMORY_KEYS_FILE.

    When it is done, and journals of before are over (PENSTOCK_IDEMPOTENCY_DAYS), older keys can be taken out
    of the file. May be repeated, and run while workers work.
    """
    with exits.told("sessions reseal"):
        settings = load()
        if settings.memory_keys_file is None:
            raise Trouble("PENSTOCK_MEMORY_KEYS_FILE names no file of keys")
    exits.run("sessions reseal", lambda: _reseal(settings))


@asynccontextmanager
async def _desk(settings: Settings) -> AsyncIterator[SessionDesk]:
    seal = open_seal(settings)
    sql, client = open_sessions(settings, seal), connect_redis(settings.redis_url)
    batch = RedisBatch(client)
    redis = RedisSessions(batch, settings.app_id, seal, SystemClock.at().timestamp())
    try:
        yield SessionDesk(redis, RedisFacts(batch, settings.app_id, seal), sql)
    except (StoreUnavailable, FactsUnavailable) as error:
        where = "PENSTOCK_REDIS_URL or PENSTOCK_SESSIONS_URL"
        raise Trouble(f"what is at {where} does not answer, or cannot be read: {error}") from error
    finally:
        await client.aclose()
        if sql is not None:
            sql.close()


async def _list(settings: Settings, tenant: str | None, as_json: bool) -> int:
    async with _desk(settings) as desk:
        rows = await desk.rows(tenant)
    if as_json:
        for row in rows:
            typer.echo(orjson.dumps(session_text.row_document(row)))
    elif rows:
        screen.out().print(session_text.table(rows, SystemClock.at()))
    else:
        typer.echo("there are no sessions" + (f" (tenant {tenant})" if tenant else ""), err=True)
    return Exit.OK


async def _show(settings: Settings, tenant: str, session_id: str, as_json: bool) -> int:
    async with _desk(settings) as desk:
        turns = await desk.turns(tenant, session_id)
    _require(turns, tenant, session_id)
    if as_json:
        typer.echo(orjson.dumps(_session(tenant, session_id, turns), option=orjson.OPT_INDENT_2))
    else:
        typer.echo(session_text.whole(turns))
    return Exit.OK


async def _export(settings: Settings, target: Target, out: Path | None) -> int:
    found: dict[str, Any] = {"tenant_id": target.tenant_id}
    async with _desk(settings) as desk:
        if target.session_id is not None:
            turns = await desk.turns(target.tenant_id, target.session_id)
            if target.owner is None:
                _require(turns, target.tenant_id, target.session_id)
            found = _session(target.tenant_id, target.session_id, turns)
        if target.owner is not None:
            facts = await desk.facts(target.owner)
            found |= {"user_id": target.owner.user_id, "facts": [*map(session_text.fact_document, facts)]}
    written = orjson.dumps(found, option=orjson.OPT_INDENT_2)
    if out is None:
        typer.echo(written)
        return Exit.OK
    try:
        _write_new(out, written)
    except OSError as error:
        raise Trouble(f"--out {out}: {error.strerror or error}") from error
    return Exit.OK


def _write_new(out: Path, written: bytes) -> None:
    """Only for whoever exports it: it is what people said."""
    with out.open("xb") as file:
        out.chmod(0o600)
        file.write(written + b"\n")


async def _looked_at(settings: Settings, target: Target) -> tuple[Sequence[str], str]:
    """What is under way, and what there is to delete."""
    kafka = settings.stream().kafka
    await startup.check_kafka(kafka)
    told = [f"tenant {target.tenant_id}"]
    async with _desk(settings) as desk:
        requests = await open_requests(kafka, desk, target)
        if target.session_id is not None:
            rows = await desk.rows(target.tenant_id)
            turns = sum(one.turns for one in rows if one.session_id == target.session_id)
            told.append(f"session {one_line(target.session_id)} ({turns} turns)")
        if target.owner is not None:
            count = await desk.count_facts(target.owner)
            told.append(f"facts about {one_line(target.owner.user_id)} ({count})")
    if requests:
        told.append(f"to be cancelled: {', '.join(map(one_line, requests))}")
    return requests, "; ".join(told)


async def _carried_out(
    settings: Settings, deletion: Deletion, target: Target, requests: Sequence[str], as_json: bool
) -> int:
    async with _desk(settings) as desk:
        report = await deletion.carry_out(desk, target, requests)
    if as_json:
        typer.echo(orjson.dumps(_document(target, report)))
    else:
        typer.echo(
            f"deleted: {report.gone.turns} turns, what {report.gone.journals} journals held, "
            f"{report.facts} facts; cancelled: {len(report.cancelled)} requests"
        )
    if report.uncancelled:
        left = ", ".join(map(one_line, report.uncancelled))
        typer.echo(
            f"no worker answered about {left}: the commands stand, and these runs write nothing back",
            err=True,
        )
        return Exit.NOT_ALL
    return Exit.OK


async def _clean(settings: Settings, before: float) -> int:
    async with _desk(settings) as desk:
        count = await desk.clean(before)
    typer.echo(f"{count} sessions deleted")
    return Exit.OK


async def _reseal(settings: Settings) -> int:
    async with _desk(settings) as desk:
        turns, facts = await desk.reseal()
    typer.echo(f"sealed with the first key: {turns} turns, {facts} facts")
    return Exit.OK


def _tenant(text: str) -> str:
    if not is_tenant_id(text):
        raise Trouble(f"--tenant {text!r}: must be 1 to 128 characters out of A-Z a-z 0-9 . _ : -")
    return text


def _target(tenant: str, session_id: str | None, user: str | None) -> Target:
    if session_id is None and user is None:
        raise Trouble("say which session, or --user")
    return Target(_tenant(tenant), session_id, user)


def _require(turns: Sequence[StoredTurn], tenant: str, session_id: str) -> None:
    if not turns:
        known = "`penstock sessions list` has those there are"
        raise Trouble(f"tenant {tenant} has no session {one_line(session_id)}: {known}")


def _session(tenant: str, session_id: str, turns: Sequence[StoredTurn]) -> dict[str, Any]:
    told = [session_text.turn_document(one) for one in turns]
    return {"tenant_id": tenant, "session_id": session_id, "turns": told}


def _document(target: Target, report: Report) -> dict[str, Any]:
    return {
        "tenant_id": target.tenant_id,
        "session_id": target.session_id,
        "user_id": target.user_id,
        "turns": report.gone.turns,
        "journals": report.gone.journals,
        "facts": report.facts,
        "cancelled": list(report.cancelled),
        "uncancelled": list(report.uncancelled),
        "audit_ids": list(report.audits),
    }
