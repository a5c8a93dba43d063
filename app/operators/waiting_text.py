"""Requests that wait, in words and as JSON. No I/O."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from rich.table import Table

from app.operators.call_text import span
from app.operators.waiting import Waiting
from app.terminal.listing import listing
from app.terminal.screen import harmless, one_line
from schemas.codec import Undecodable, decode_json
from schemas.times import format_at
from streams.parked import ParkReason

HEADINGS = ("tenant", "request", "session", "reason", "due in", "age")
SENTENCES = {
    ParkReason.NOT_BEFORE: "its not_before has not come",
    ParkReason.WINDOW: "a limit of its tenant is used up for now",
    ParkReason.PAUSED: "its tenant is paused",
    ParkReason.RETRY: "a call of its run is tried again later",
    ParkReason.APPROVAL: "its run waits for a person: penstock approvals list",
    ParkReason.ASKED: "its run waits for another agent that it asked",
    ParkReason.DECIDED: "it has what it waited for: it goes on at once",
    ParkReason.SESSION: "an earlier request of its session is not done",
    ParkReason.RUNNING: "it has been running for long, and goes on",
    ParkReason.REPLAY: "an operator asked for its next generation",
    ParkReason.OVERFLOW: "its tenant has as many in its worker as it may: it goes on when there is room",
}


def due(row: Waiting, at: datetime) -> str:
    """When time ends the wait; - where something else does."""
    due_at = row.parked.due_at
    if due_at is None:
        return "-"
    return "now" if due_at <= at else span(at, due_at)


def table(rows: Sequence[Waiting], at: datetime) -> Table:
    """One row for each."""
    return listing(
        HEADINGS,
        (
            (
                row.parked.tenant_id,
                row.parked.request_id,
                row.parked.session_id or "-",
                row.parked.reason,
                due(row, at),
                span(row.parked.received_at, at),
            )
            for row in rows
        ),
    )


def counts(rows: Sequence[Waiting]) -> str:
    """How many wait for what."""
    by_reason = Counter(row.parked.reason for row in rows)
    told = ", ".join(f"{count} {reason}" for reason, count in by_reason.most_common())
    return f"{len(rows)} waiting: {told}"


def document(row: Waiting) -> dict[str, Any]:
    """For programs."""
    parked = row.parked
    source = parked.record
    return {
        "tenant_id": parked.tenant_id,
        "request_id": parked.request_id,
        "generation": parked.generation,
        "session_id": parked.session_id,
        "reason": parked.reason,
        "due_at": _told(parked.due_at),
        "deadline": _told(parked.deadline),
        "received_at": _told(parked.received_at),
        "parked_at": _told(row.written_at),
        "started": parked.started,
        "attempt": parked.attempt,
        "undecided_approvals": [one.approval_id for one in row.open_approvals],
        "bytes": row.size,
        "source": {"topic": source.topic, "partition": source.partition, "offset": source.offset},
    }


def whole_document(row: Waiting) -> dict[str, Any]:
    """With the request, decoded."""
    try:
        request = decode_json(row.parked.record.value)
    except Undecodable:
        request = None
    return document(row) | {"request": request}


def whole(row: Waiting, at: datetime) -> str:
    """Everything that is known of one."""
    parked, source = row.parked, row.parked.record
    approvals = ", ".join(one.approval_id for one in row.open_approvals)
    lines = [
        ("tenant", parked.tenant_id),
        ("request", parked.request_id + (f", generation {parked.generation}" if parked.generation else "")),
        ("session", parked.session_id or "none"),
        ("reason", f"{parked.reason}: {SENTENCES[parked.reason]}"),
        ("due", "-" if parked.due_at is None else f"{format_at(parked.due_at)} (in {due(row, at)})"),
        ("deadline", "none" if parked.deadline is None else format_at(parked.deadline)),
        ("received", f"{format_at(parked.received_at)} ({span(parked.received_at, at)} ago)"),
        ("parked", f"{format_at(row.written_at)} ({span(row.written_at, at)} ago)"),
        ("runs", f"{len(parked.spans)} so far, attempt {parked.attempt}" if parked.started else "none yet"),
        ("approvals", approvals),
        ("source", f"{source.topic} {source.partition}@{source.offset}"),
    ]
    told = [f"{name:<11}{one_line(text, 500)}" for name, text in lines if text]
    return "\n".join([*told, f"original ({row.size} bytes)", _request(parked.record.value)])


def _request(value: bytes | None) -> str:
    try:
        text = orjson.dumps(decode_json(value), option=orjson.OPT_INDENT_2).decode()
    except Undecodable:
        text = (value or b"").decode(errors="replace")
    return "\n".join(f"  {line}" for line in harmless(text).splitlines())


def _told(at: datetime | None) -> str | None:
    return None if at is None else format_at(at)
