"""A conversation within a budget of tokens: where it may be cut, and how much of its end fits. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

CHARS_PER_TOKEN = 4
"""A guess, as for calls whose provider never said; right within a third for English and JSON."""
CALLS, OUTPUTS = "_call", "_call_output"

Items = Sequence[dict[str, Any]]


def tokens_of(items: Items) -> int:
    """About how many tokens a model is told by these."""
    return sum(map(_characters, items)) // CHARS_PER_TOKEN


def cuts_of(items: Items) -> list[int]:
    """Where the beginning may be left out: before what a user said, and between no call and its output."""
    open_until = _last_uses(items)
    found, needed = [], -1
    for number, item in enumerate(items):
        if item.get("role") == "user" and needed < number:
            found.append(number)
        needed = max(needed, open_until.get(_call_id(item) or "", -1))
    return [*found, len(items)]


def suffix_within(items: Items, tokens: int) -> int:
    """Where the longest end begins that fits; the length of all where none does."""
    sizes = [*map(_characters, items)]
    left, before = sum(sizes), 0
    for cut in cuts_of(items):
        left -= sum(sizes[before:cut])
        if left // CHARS_PER_TOKEN <= tokens:
            return cut
        before = cut
    return len(items)


def with_calls(items: Items) -> Items:
    """Without results whose calls are not there: those left with an older turn. No provider takes such."""
    called: set[str] = set()
    kept = []
    for item in items:
        call_id = _call_id(item)
        if call_id is not None and str(item["type"]).endswith(CALLS):
            called.add(call_id)
        elif call_id is not None and call_id not in called:
            continue
        kept.append(item)
    return items if len(kept) == len(items) else kept


def as_text(items: Items) -> str:
    """What was said, as it is told to whoever puts it in short."""
    return "\n".join(line for item in items if (line := _line(item)))


def _characters(item: dict[str, Any]) -> int:
    return len(json.dumps(item, ensure_ascii=False, default=str))


def _last_uses(items: Items) -> dict[str, int]:
    """Where each call is spoken of for the last time."""
    return {call_id: number for number, item in enumerate(items) if (call_id := _call_id(item))}


def _call_id(item: dict[str, Any]) -> str | None:
    kind, call_id = str(item.get("type", "")), item.get("call_id")
    if isinstance(call_id, str) and kind.endswith((CALLS, OUTPUTS)):
        return call_id
    return None


def _line(item: dict[str, Any]) -> str:
    kind = str(item.get("type", "message"))
    if kind.endswith(OUTPUTS):
        return f"tool result: {_text(item.get('output'))}"
    if kind.endswith(CALLS):
        return f"tool called: {item.get('name', kind)}({item.get('arguments', '')})"
    text = _text(item.get("content"))
    return f"{item.get('role', kind)}: {text}" if text else ""


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = (part.get("text") or part.get("refusal") or "" for part in content if isinstance(part, dict))
        return " ".join(filter(None, parts))
    return "" if content is None else json.dumps(content, ensure_ascii=False, default=str)
