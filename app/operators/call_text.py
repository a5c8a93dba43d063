"""Tool calls that wait, in words and as JSON. No I/O."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from rich.table import Table
from rich.text import Text

from app.client.durations import format_ms
from app.operators.calls import Call, decided_line
from app.terminal.screen import harmless, one_line
from schemas.times import format_at

MOST_ARGUMENTS = 60
HEADINGS = ("approval", "tenant", "request", "tool", "agent", "age", "expires in", "arguments")


def span(earlier: datetime, later: datetime) -> str:
    """How long; never less than nothing, as clocks may differ."""
    return format_ms(max(0.0, (later - earlier).total_seconds()) * 1000)


def arguments_of(call: Call) -> Any:
    """As JSON where they are JSON."""
    try:
        return orjson.loads(call.approval.arguments)
    except orjson.JSONDecodeError:
        return call.approval.arguments


def pretty_arguments(call: Call) -> str:
    """For reading before one decides: nothing is cut."""
    arguments = arguments_of(call)
    if isinstance(arguments, str):
        return harmless(call.approval.arguments)
    return harmless(orjson.dumps(arguments, option=orjson.OPT_INDENT_2).decode())


def expiry(call: Call, at: datetime) -> str:
    """How long is left."""
    return "expired" if call.expired(at) else span(at, call.approval.expires_at)


def table(calls: Sequence[Call], at: datetime) -> Table:
    """One row for each."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for heading in HEADINGS:
        shown.add_column(heading, overflow="fold", no_wrap=heading == HEADINGS[0])  # ids are copied
    for call in calls:
        one = call.approval
        cells = (
            one.approval_id,
            call.tenant_id,
            call.request_id,
            one.tool,
            one.agent,
            span(call.waiting.asked_at, at),
            expiry(call, at),
            one_line(one.arguments, MOST_ARGUMENTS),
        )
        shown.add_row(*(Text(one_line(cell, 128)) for cell in cells))
    return shown


def whole(call: Call, at: datetime) -> str:
    """Everything that is known of one."""
    one, parked = call.approval, call.waiting.parked
    asked = call.waiting.asked_at
    rows = [
        ("approval", one.approval_id),
        ("tool", f"{one.tool} (agent {one.agent}, call {one.call_id})"),
        ("tenant", parked.tenant_id),
        ("request", parked.request_id + (f", generation {parked.generation}" if parked.generation else "")),
        ("session", parked.session_id or "none"),
        ("asked", f"{format_at(asked)} ({span(asked, at)} ago)"),
        ("expires", f"{format_at(one.expires_at)} ({_left(call, at)})"),
        ("decided", decided_line(call) or "not yet"),
        ("others", _others(call)),
        ("digest", one.arguments_digest),
    ]
    lines = [f"{name:<10}{one_line(told, 300)}" for name, told in rows if told]
    return "\n".join([*lines, "arguments", _indented(pretty_arguments(call))])


def question(call: Call, at: datetime) -> str:
    """What is shown before somebody decides."""
    one = call.approval
    head = (
        f"{one.tool}, wanted by agent {one.agent} for request {call.request_id} of tenant {call.tenant_id}, "
        f"{'which expired' if call.expired(at) else 'expires in ' + expiry(call, at)}"
    )
    return f"{one_line(head, 600)}\n{_indented(pretty_arguments(call))}"


def document(call: Call, at: datetime) -> dict[str, Any]:
    """For programs."""
    one, parked = call.approval, call.waiting.parked
    return {
        "approval_id": one.approval_id,
        "tenant_id": parked.tenant_id,
        "request_id": parked.request_id,
        "generation": parked.generation,
        "session_id": parked.session_id,
        "agent": one.agent,
        "tool": one.tool,
        "call_id": one.call_id,
        "arguments": arguments_of(call),
        "arguments_digest": one.arguments_digest,
        "asked_at": format_at(call.waiting.asked_at),
        "expires_at": format_at(one.expires_at),
        "expired": call.expired(at),
        "approved": one.approved,
        "actor": one.actor,
        "reason": one.reason,
        "decided_at": None if one.decided_at is None else format_at(one.decided_at),
    }


def _left(call: Call, at: datetime) -> str:
    return "expired" if call.expired(at) else f"in {expiry(call, at)}"


def _others(call: Call) -> str:
    """The other calls of the same run, which goes on when all are decided."""
    others = [one for one in call.waiting.parked.approvals if one is not call.approval]
    left = sum(one.approved is None for one in others)
    return f"{len(others)} more calls of this run ask, {left} of them undecided" if others else ""


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines()) or "  (none)"
