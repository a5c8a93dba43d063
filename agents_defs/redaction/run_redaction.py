"""Redaction as a run uses it: begun from its journal and its session, written down with what it did."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agents_defs.journal_entries import ToolEntry, dumps, loads, tool_bytes, tool_entry
from agents_defs.model_request import ModelRequest
from agents_defs.redaction.redaction import NOTE, Redaction
from agents_defs.redaction.session_map import put_back, turn_hidden, turns_shown

if TYPE_CHECKING:
    from agents import ModelResponse

    from agents_defs.run_order import RunOrder
    from agents_defs.run_scope import LiveRun

PLACEHOLDER = "p:<"
"""How the entry of a placeholder begins."""
BESIDE = "p:"
"""And that of a tool's result: before the name of the result itself."""


def begun(order: RunOrder) -> tuple[RunOrder, Redaction | None]:
    """The order with its session as it was said, and what hides it. None: nothing was ever hidden."""
    items, of_session = turns_shown(order.session_items)
    if items is not order.session_items:
        order = replace(order, session_items=items)
    entries = {} if order.journal is None else order.journal.entries
    of_run = {
        name[len(BESIDE) :]: loads(raw) for name, raw in entries.items() if name.startswith(PLACEHOLDER)
    }
    if order.redaction is None and not of_run:
        return order, None
    redaction = Redaction(order.redaction)
    redaction.placeholders.adopt(of_run, written=True)
    redaction.placeholders.adopt(of_session, written=False)
    return order, redaction


def new_entries(redaction: Redaction | None) -> dict[str, bytes]:
    """The placeholders that have to be written with whatever is written next."""
    if redaction is None:
        return {}
    return {BESIDE + mark: dumps(value) for mark, value in redaction.placeholders.unwritten().items()}


def hidden_request(redaction: Redaction, request: ModelRequest) -> ModelRequest:
    """As the provider gets it."""
    instructions, asked, *rest = request.positional
    redaction.placeholders.forget_use()
    instructions, asked = redaction.hidden_value(instructions), redaction.hidden_value(asked)
    named = {**request.named, "prompt": redaction.hidden_value(request.named.get("prompt"))}
    if redaction.placeholders.used():
        instructions = f"{instructions}\n\n{NOTE}" if instructions else NOTE
    return ModelRequest((instructions, asked, *rest), named)


def shown_response(redaction: Redaction, response: ModelResponse) -> ModelResponse:
    """As the run gets it."""
    output = redaction.shown_value(response.output)
    return response if output is response.output else replace(response, output=output)


def tool_written(run: LiveRun, name: str, entry: ToolEntry) -> dict[str, bytes]:
    """What the journal gets of a tool's result: its JSON as one text, and beside it what was taken out.

    They are numbered for this entry alone. The run's own are given out when a model is asked: the order of
    what it is told is the same in each attempt, and which of two tools is done first is not.
    """
    redaction: Redaction | None = run.redaction
    if redaction is None or not redaction.hides:
        return {name: tool_bytes(entry)}
    own = redaction.of_its_own()
    output = own.hidden(dumps(entry.output).decode())
    return {
        name: tool_bytes(replace(entry, output=output, redacted=True)),
        BESIDE + name: dumps(own.placeholders.used()),
    }


def tool_read(run: LiveRun, name: str, raw: bytes) -> ToolEntry:
    """The result again, as the tool gave it."""
    entry = tool_entry(raw)
    beside = run.record.read(BESIDE + name) if entry.redacted else None
    if beside is None:
        return entry
    return replace(entry, output=loads(put_back(entry.output, loads(beside)).encode()))


def kept_items(run: LiveRun, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the session's memory appends."""
    redaction: Redaction | None = run.redaction
    return items if redaction is None or not redaction.hides else turn_hidden(redaction, items)
