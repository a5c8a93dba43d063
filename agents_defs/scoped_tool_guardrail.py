"""Runs the guardrails of a tool in scopes of their own, and writes their verdicts down."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from agents import ToolGuardrailFunctionOutput, ToolOutputGuardrail

from agents_defs import guardrail_scope
from agents_defs.run_scope import SCOPE
from agents_defs.trips import told_trip

if TYPE_CHECKING:
    from agents_defs.run_scope import RunScope

ALLOW = "allow"


def scoped_tool_guardrail(guardrail: Any, side: str) -> Any:
    """A tool's guardrail whose verdict about one call is the same in each attempt."""
    check, name = guardrail.guardrail_function, guardrail.get_name()

    async def scoped_check(data: Any) -> ToolGuardrailFunctionOutput:
        outer = SCOPE.get()
        if outer is None:  # outside of any run: somebody tries an agent out
            found: ToolGuardrailFunctionOutput = await guardrail_scope.said(check, data)
            return found
        scope = outer.child(f"g:{name}:{side}:{data.context.tool_call_id}", "guardrail")
        before = guardrail_scope.kept(scope)
        if before is not None:
            verdict = ToolGuardrailFunctionOutput(before.info["info"], before.info["behavior"])
        else:
            async with outer.together():
                verdict = await _recorded(scope, check, data)
            if verdict.behavior["type"] != ALLOW:
                told_trip(scope.run, (name, side, data.agent.name), verdict.output_info)
        _tell_refusal(outer, side, data, verdict)
        return verdict

    return dataclasses.replace(guardrail, guardrail_function=scoped_check, name=name)


async def _recorded(scope: RunScope, check: Any, data: Any) -> ToolGuardrailFunctionOutput:
    verdict: ToolGuardrailFunctionOutput = await guardrail_scope.judged(scope, check, data)
    record = scope.run.record
    if record.kept:
        noted = {"info": verdict.output_info, "behavior": dict(verdict.behavior)}
        await record.write(guardrail_scope.to_keep(scope, verdict.behavior["type"] != ALLOW, noted))
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
