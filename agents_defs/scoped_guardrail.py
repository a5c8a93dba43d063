"""Runs a guardrail in a scope of its own, and writes its verdict down."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agents import GuardrailFunctionOutput

from agents_defs import guardrail_scope
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
            return await guardrail_scope.said(check, *args)
        scope = outer.child(f"g:{name}", "guardrail")
        before = guardrail_scope.kept(scope)
        if before is not None:
            return GuardrailFunctionOutput(output_info=before.info, tripwire_triggered=before.tripped)
        async with outer.together():
            verdict = await _recorded(scope, check, args)
        if verdict.tripwire_triggered:
            told_trip(scope.run, (name, side, args[1].name), verdict.output_info)
        return verdict

    return dataclasses.replace(guardrail, guardrail_function=scoped_check, name=name)


async def _recorded(scope: RunScope, check: Check, args: tuple[Any, ...]) -> Any:
    verdict = await guardrail_scope.judged(scope, check, *args)
    record = scope.run.record
    if record.kept:
        # Stands before the next call of a model is sent, and before the outcome is decided.
        record.soon(guardrail_scope.to_keep(scope, verdict.tripwire_triggered, verdict.output_info))
    return verdict
