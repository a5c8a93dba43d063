"""Sessions and facts in words and as JSON. No I/O."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from rich.table import Table

from agents_defs.memory.facts import Fact
from app.adapters.session_values import SessionRow, StoredTurn
from app.operators.call_text import span
from app.terminal.listing import listing
from app.terminal.screen import harmless, one_line
from schemas.times import format_at

HEADINGS = ("tenant", "session", "store", "turns", "expires in")


def table(rows: Sequence[SessionRow], at: datetime) -> Table:
    """One row for each."""
    return listing(
        HEADINGS,
        (
            (one.tenant_id, one.session_id, one.store, str(one.turns), span(at, _moment(one.expires_at)))
            for one in rows
        ),
    )


def row_document(row: SessionRow) -> dict[str, Any]:
    """One of the list."""
    return {
        "tenant_id": row.tenant_id,
        "session_id": row.session_id,
        "store": row.store,
        "turns": row.turns,
        "expires_at": format_at(_moment(row.expires_at)),
    }


def whole(turns: Sequence[StoredTurn]) -> str:
    """What was said, as a person reads it."""
    lines = []
    for turn in turns:
        note = " (stands for all before it)" if turn.anew else ""
        lines.append(f"-- {one_line(turn.request_id)}{note}")
        lines += [_line(item) for item in turn.items]
    return "\n".join(lines)


def turn_document(turn: StoredTurn) -> dict[str, Any]:
    """One turn."""
    return {
        "request_id": turn.request_id,
        "store": turn.store,
        "anew": turn.anew,
        "added_at": None if turn.added_at is None else format_at(_moment(turn.added_at)),
        "items": list(turn.items),
    }


def fact_document(fact: Fact) -> dict[str, Any]:
    """One fact."""
    return {
        "fact_id": fact.fact_id,
        "text": fact.text,
        "category": fact.category,
        "tags": list(fact.tags),
        "at": format_at(fact.at),
    }


def _line(item: dict[str, Any]) -> str:
    said = item.get("content", item.get("output", item.get("arguments")))
    if isinstance(said, list):
        said = " ".join(str(part.get("text", "")) for part in said if isinstance(part, dict))
    who = item.get("role") or item.get("type") or "?"
    text = said if isinstance(said, str) else orjson.dumps(said, default=str).decode()
    return f"{who}: {harmless(text)}"


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
