"""Runs a guardrail in a scope of its own, and writes its verdict down."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agents import GuardrailFunctionOutput
from pydantic_core import to_jsonable_python

from agents_defs.journal_entries import GUARDRAIL, VerdictEntry, verdict_bytes, verdict_entry
from agents_defs.run_scope import SCOPE
from agents_defs.trips import told_trip

if TYPE_CHECKING:
    from agents_defs.run_scope import RunScope

Check = Callable[..., Any]


def scoped_guardrail(guardrail: Any, side: str) -> Any:
    """An input or output guardrail whose model calls are counted apart, as a guardrail's."""
    check: Check = guardrail.guardrail_function
    name = guardrail.get_name()

    async def scoped_check(*args: Any) -> Any:
        outer = SCOPE.get()
        if outer is None:  # outside of any run: somebody tries an agent out
            return await _checked(check, args)
        scope = outer.child(f"g:{name}", "guardrail")
        raw = scope.run.record.read(scope.entry(GUARDRAIL))
        if raw is None:
            async with outer.together():
                verdict = await _recorded(scope, check, args)
            if verdict.tripwire_triggered:
                told_trip(scope.run, (name, side, args[1].name), verdict.output_info)
            return verdict
        entry = verdict_entry(raw)
        scope.run.degraded |= entry.degraded
        return GuardrailFunctionOutput(output_info=entry.info, tripwire_triggered=entry.tripped)

    return dataclasses.replace(guardrail, guardrail_function=scoped_check, name=name)


async def _recorded(scope: RunScope, check: Check, args: tuple[Any, ...]) -> Any:
    token = SCOPE.set(scope)
    try:
        verdict = await _checked(check, args)
    finally:
        SCOPE.reset(token)
    run = scope.run
    run.record.check_part(scope.path)  # whatever the guardrail made of what stopped it
    if run.record.kept:
        info = to_jsonable_python(verdict.output_info, fallback=str, inf_nan_mode="strings")
        entry = verdict_bytes(VerdictEntry(verdict.tripwire_triggered, info, run.degraded))
        # Stands before the next call of a model is sent, and before the outcome is decided.
        run.record.soon({scope.entry(GUARDRAIL): entry})
    return verdict


async def _checked(check: Check, args: tuple[Any, ...]) -> Any:
    verdict = check(*args)
    return await verdict if inspect.isawaitable(verdict) else verdict
