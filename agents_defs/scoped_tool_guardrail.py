"""Runs the guardrails of a tool in scopes of their own, and writes their verdicts down."""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING, Any

from agents import ToolGuardrailFunctionOutput, ToolOutputGuardrail
from pydantic_core import to_jsonable_python

from agents_defs.journal_entries import GUARDRAIL, VerdictEntry, verdict_bytes, verdict_entry
from agents_defs.run_scope import SCOPE
from agents_defs.trips import told_trip

if TYPE_CHECKING:
    from agents_defs.run_scope import RunScope

ALLOW = "allow"


def scoped_tool_guardrail(guardrail: Any, side: str) -> Any:
    """A tool's guardrail whose verdict about one call is the same in each attempt."""
    name = guardrail.get_name()

    async def scoped_check(data: Any) -> ToolGuardrailFunctionOutput:
        outer = SCOPE.get()
        if outer is None:  # outside of any run: somebody tries an agent out
            return await _checked(guardrail, data)
        scope = outer.child(f"g:{name}:{side}:{data.context.tool_call_id}", "guardrail")
        raw = scope.run.record.read(scope.entry(GUARDRAIL))
        if raw is None:
            async with outer.together():
                verdict = await _recorded(scope, guardrail, data)
            if verdict.behavior["type"] != ALLOW:
                told_trip(scope.run, (name, side, data.agent.name), verdict.output_info)
        else:
            entry = verdict_entry(raw)
            scope.run.degraded |= entry.degraded
            verdict = ToolGuardrailFunctionOutput(entry.info["info"], entry.info["behavior"])
        _tell_refusal(outer, side, data, verdict)
        return verdict

    return dataclasses.replace(guardrail, guardrail_function=scoped_check, name=name)


async def _recorded(scope: RunScope, guardrail: Any, data: Any) -> ToolGuardrailFunctionOutput:
    token = SCOPE.set(scope)
    try:
        verdict = await _checked(guardrail, data)
    finally:
        SCOPE.reset(token)
    run = scope.run
    run.record.check_part(scope.path)  # whatever the guardrail made of what stopped it
    if run.record.kept:
        info = to_jsonable_python(verdict.output_info, fallback=str, inf_nan_mode="strings")
        noted = {"info": info, "behavior": dict(verdict.behavior)}
        entry = VerdictEntry(verdict.behavior["type"] != ALLOW, noted, run.degraded)
        await run.record.write({scope.entry(GUARDRAIL): verdict_bytes(entry)})
    return verdict


def _tell_refusal(outer: RunScope, side: str, data: Any, verdict: ToolGuardrailFunctionOutput) -> None:
    """Readers see of a result that is refused what the model sees of it."""
    feed = None if outer.nested else outer.run.feed
    if feed is not None and side == "tool_result" and verdict.behavior["type"] == "reject_content":
        feed.tool_returned(data.context.tool_call_id, False, verdict.behavior["message"])


def told_when_allowed() -> Any:
    """The last guardrail of a tool's results: what passed the others is told to readers."""

    def tell(data: Any) -> ToolGuardrailFunctionOutput:
        scope = SCOPE.get()
        if scope is not None and not scope.nested and scope.run.feed is not None:
            ok = not getattr(data.context, WITHHELD_FAILED, False)
            scope.run.feed.tool_returned(data.context.tool_call_id, ok, data.output)
        return ToolGuardrailFunctionOutput.allow()

    return ToolOutputGuardrail(tell, name="told")


WITHHELD_FAILED = "penstock_withheld_failed"
"""On a tool's context: its result is not told to readers yet, and it was a failure."""


async def _checked(guardrail: Any, data: Any) -> ToolGuardrailFunctionOutput:
    verdict = guardrail.guardrail_function(data)
    found: ToolGuardrailFunctionOutput = await verdict if inspect.isawaitable(verdict) else verdict
    return found
