"""What a session keeps of redaction: turns with placeholders, and before each what these stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from agents_defs.redaction.placeholders import MARK
from agents_defs.redaction.redaction import Redaction, walked

KIND = "penstock_redaction"
Items = list[dict[str, Any]]


def turn_hidden(redaction: Redaction, items: Sequence[dict[str, Any]]) -> Items:
    """As the session keeps them. Each turn can be read without those before it."""
    redaction.placeholders.forget_use()
    hidden = [redaction.hidden_value(item) for item in items]
    used = redaction.placeholders.used()
    return [{"type": KIND, "items": len(hidden), "values": used}, *hidden] if used else hidden


def turns_shown(items: Sequence[dict[str, Any]]) -> tuple[Sequence[dict[str, Any]], dict[str, str]]:
    """The conversation as it was, and all placeholders of it."""
    if not any(item.get("type") == KIND for item in items):
        return items, {}
    values: dict[str, str] = {}
    return list(_shown(items, values)), values


def _shown(items: Sequence[dict[str, Any]], values: dict[str, str]) -> Iterator[dict[str, Any]]:
    own: Mapping[str, str] = {}
    left = 0
    for item in items:
        if item.get("type") == KIND:
            own, left = item["values"], item["items"]
            values.update({mark: value for mark, value in own.items() if mark not in values})
        elif left > 0:
            left -= 1
            yield walked(item, partial(put_back, own=own))
        else:
            yield item


def put_back(text: str, own: Mapping[str, str]) -> str:
    """The text with what these placeholders stand for."""
    return MARK.sub(lambda match: own.get(_mark(match), match.group()), text)


def _mark(match: Any) -> str:
    return f"<{match['kind']}_{match['number']}>"
