"""`penstock send`: sends requests and waits for their answers."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from app.adapters.clock import SystemClock
from app.client.conversation import Manner, hold
from app.client.durations import parse_duration, parse_time
from app.client.outgoing import BadRequest, Outgoing, SizeRules, prepare
from app.client.request_file import read_file
from app.settings import Settings, load
from app.terminal import exits
from app.terminal.exits import Trouble
from schemas.requests import OverLimit, Priority
from schemas.times import format_at


def send(
    text: Annotated[str | None, typer.Argument(help="What the agent is asked.")] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", "-t", help="Whose request it is.")] = None,
    agent: Annotated[
        str, typer.Option("--agent", "-a", help="An agent, or one version: support@3.")
    ] = "support",
    file: Annotated[
        str | None,
        typer.Option("--file", "-f", help="Requests as JSON lines, - for standard input; options fill gaps."),
    ] = None,
    session: Annotated[str | None, typer.Option(help="The conversation that it belongs to.")] = None,
    user: Annotated[str | None, typer.Option(help="The end user.")] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Show the answer as it is written.")] = False,
    priority: Annotated[Priority | None, typer.Option(help="At most what the plan allows.")] = None,
    deadline: Annotated[str | None, typer.Option(help="30s from now, or an RFC 3339 time.")] = None,
    over_limit: Annotated[OverLimit | None, typer.Option(help="What to do when a limit is reached.")] = None,
    model: Annotated[str | None, typer.Option(help="Another model, if the plan allows it.")] = None,
    max_turns: Annotated[int | None, typer.Option(min=1, help="Hard cap of model turns.")] = None,
    max_cost_usd: Annotated[str | None, typer.Option(help="Hard cap of its cost: 0.25")] = None,
    metadata: Annotated[
        list[str] | None, typer.Option("--metadata", "-m", help="key=value; may be repeated.")
    ] = None,
    request_id: Annotated[str | None, typer.Option(help="Its idempotency key; default: a new UUID.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the answers.")] = True,
    timeout: Annotated[str, typer.Option(help="Give up after so long without any answer.")] = "2m",
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Send the good lines of a file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one response per line.")] = False,
) -> None:
    """Send one request, or those of a file, and print the answers.

    Exits with 0 when all completed, 1 when some did not, 2 when it could not be done, 3 when time ran out.
    """
    with exits.told("send"):
        settings = load()
        given = {
            "tenant_id": tenant,
            "agent": agent,
            "input": text,
            "session_id": session,
            "user_id": user,
            "stream": stream or None,
            "priority": priority,
            "deadline": _time(deadline),
            "over_limit": over_limit,
            "model": model,
            "max_turns": max_turns,
            "max_cost_usd": max_cost_usd,
            "metadata": _metadata(metadata or []),
            "request_id": request_id,
        }
        document = {name: value for name, value in given.items() if value is not None}
        requests = _requests(document, file, settings, skip_bad)
        manner = Manner(wait, _patience_s(timeout), as_json, many=file is not None)
    exits.run("send", lambda: hold(settings, requests, manner))


def _time(text: str | None) -> str | None:
    try:
        return None if text is None else format_at(parse_time(text, SystemClock.at()))
    except ValueError as error:
        raise Trouble(f"--deadline: {error}") from None


def _patience_s(text: str) -> float:
    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise Trouble(f"--timeout: {error}") from None


def _metadata(pairs: Sequence[str]) -> dict[str, str] | None:
    for pair in pairs:
        if "=" not in pair:
            raise Trouble(f"--metadata {pair!r}: write key=value")
    return dict(pair.split("=", 1) for pair in pairs) or None


def _requests(
    document: Mapping[str, Any], file: str | None, settings: Settings, skip_bad: bool
) -> Sequence[Outgoing]:
    rules = SizeRules(settings.max_request_bytes, settings.max_input_bytes)
    at = SystemClock.at()
    if file is not None:
        return read_file(file, document, rules, at, skip_bad=skip_bad)
    if "input" not in document or "tenant_id" not in document:
        raise Trouble('say what to ask and for whom: penstock send --tenant T "text", or use --file')
    try:
        return [prepare(document, rules, at)]
    except BadRequest as error:
        raise Trouble(f"not sent: {error}") from None
