"""Has a guardrail judge in a scope of its own, and keeps its verdict for the next attempt."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic_core import to_jsonable_python

from agents_defs.journal_entries import GUARDRAIL, VerdictEntry, verdict_bytes, verdict_entry
from agents_defs.run_scope import SCOPE

if TYPE_CHECKING:
    from agents_defs.run_scope import RunScope


async def judged(scope: RunScope, check: Callable[..., Any], *asked: Any) -> Any:
    """What it says; the calls that it makes for that are the scope's."""
    token = SCOPE.set(scope)
    try:
        verdict = await said(check, *asked)
    finally:
        SCOPE.reset(token)
    scope.run.record.check_part(scope.path)  # whatever the guardrail made of what stopped it
    return verdict


async def said(check: Callable[..., Any], *asked: Any) -> Any:
    """Its verdict, whether its author wrote it with `async` or without."""
    verdict = check(*asked)
    return await verdict if inspect.isawaitable(verdict) else verdict


def kept(scope: RunScope) -> VerdictEntry | None:
    """What it said in an attempt before."""
    raw = scope.run.record.read(scope.entry(GUARDRAIL))
    if raw is None:
        return None
    entry = verdict_entry(raw)
    scope.run.degraded |= entry.degraded
    return entry


def to_keep(scope: RunScope, tripped: bool, info: Any) -> dict[str, bytes]:
    """What is written down of it. What authors give as their reasons may be anything."""
    told = to_jsonable_python(info, fallback=str, inf_nan_mode="strings")
    return {scope.entry(GUARDRAIL): verdict_bytes(VerdictEntry(tripped, told, scope.run.degraded))}
