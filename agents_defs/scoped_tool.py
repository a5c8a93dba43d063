"""Calls a tool in a scope of its own: limited in time, told to whoever watches, its failure named.

The SDK's own timeout stands outside of a tool's invocation; here it is inside, so that what is put around the
invocation sees the timeout's result as it sees any other.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
from typing import TYPE_CHECKING, Any

from agents import FunctionTool, ModelBehaviorError, ToolTimeoutError
from agents.agent_tool_state import get_agent_tool_state_scope, peek_agent_tool_run_result
from agents.tool import (
    default_tool_error_function,
    default_tool_timeout_error_message,
    invoke_function_tool,
    resolve_function_tool_failure_error_function,
    set_function_tool_failure_error_function,
)
from agents.tool_context import ToolContext

from agents_defs.guardrails.passage import said_text
from agents_defs.journal_entries import INTENT, TOOL, ToolEntry
from agents_defs.redaction.run_redaction import tool_read, tool_written
from agents_defs.run_journal import RunStopped
from agents_defs.run_scope import SCOPE
from agents_defs.scoped_tool_guardrail import WITHHELD_FAILED, scoped_tool_guardrail, told_when_allowed
from agents_defs.sdk_failures import run_failure
from agents_defs.tool_effects import effect_of
from agents_defs.tool_output import read_back, written
from schemas.failures import Code, RunFailure

if TYPE_CHECKING:
    from agents_defs.run_scope import RunScope

_FAILED_BY_DEFAULT = "_function_tool_default_failure_handled"
"""The SDK's own mark on a tool's context: the tool raised, and the model is told so in the default words."""
_FAILED = "penstock_tool_failed"
"""Our mark for tools that word their failures themselves."""
MAX_SHARED = 256
# The SDK reads the signature of what it invokes at each call, to see which context it wants. Ready made, that
# costs a tenth of it.
_SIGNATURE = inspect.Signature(
    [
        inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=ToolContext),
        inspect.Parameter("arguments", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=str),
    ]
)


class ScopedInvocation:
    """What the SDK invokes in place of the tool."""

    __signature__ = _SIGNATURE

    def __init__(self, tool: FunctionTool, timeout_s: float | None) -> None:
        self._tool = _marking_failures(tool)
        self._timeout_s = timeout_s
        self.prepare_arguments = getattr(tool.on_invoke_tool, "prepare_arguments", None)  # for approvals

    async def __call__(self, ctx: ToolContext[Any], arguments: str) -> Any:
        outer = SCOPE.get()
        if outer is None:  # outside of any run: somebody tries an agent out
            return await self._invoked(ctx, arguments)
        call = f"t:{ctx.tool_call_id}"
        paused = outer.paused.pop(call, None)
        scope = paused or outer.child(call)
        feed = None if outer.nested else outer.run.feed
        raw = outer.run.record.read(scope.entry(TOOL))
        if feed is not None and paused is None:
            feed.tool_called(self._tool.name, ctx.tool_call_id, arguments)
        if raw is not None:
            entry = tool_read(outer.run, scope.entry(TOOL), raw)
            outer.run.degraded |= entry.degraded
            if not entry.worded:
                setattr(ctx, _FAILED_BY_DEFAULT, True)
            output, ok = read_back(entry.output), entry.ok
        else:
            async with outer.together():
                output, ok = await self._recorded(scope, ctx, arguments)
        if raw is None and _waits_for_approval(ctx):
            outer.paused[call] = scope
            return output
        outer.run.heard.append(said_text(output))
        if self._tool.tool_output_guardrails:  # they may refuse it: it is told when they have not
            setattr(ctx, WITHHELD_FAILED, not ok)
        elif feed is not None:
            feed.tool_returned(ctx.tool_call_id, ok, output)
        return output

    async def _recorded(self, scope: RunScope, ctx: ToolContext[Any], arguments: str) -> tuple[Any, bool]:
        """Invokes the tool; what it gave back is written down before anybody is asked what to do next."""
        run = scope.run
        if effect_of(self._tool) == "at_most_once":
            await self._intend(scope)
        token = SCOPE.set(scope)
        try:
            output, ok = await self._outcome(ctx, arguments)
        finally:
            SCOPE.reset(token)
        run.record.check_part(scope.path)  # whatever the tool made of what stopped it
        if run.record.kept and not _waits_for_approval(ctx):
            told = written(output, self._tool)
            worded = not getattr(ctx, _FAILED_BY_DEFAULT, False)
            entry = ToolEntry(told, ok, run.degraded, worded)
            run.record.soon(
                tool_written(run, scope.entry(TOOL), entry)
            )  # stands before the next call of a model is sent
            output = read_back(told)
        return output, ok

    async def _intend(self, scope: RunScope) -> None:
        record, name = scope.run.record, scope.entry(INTENT)
        if record.read(name) is not None:
            told = f"the tool {self._tool.name} was being called at {scope.path} when its worker ended"
            raise record.stop(RunFailure(Code.UNKNOWN_CALL, told))
        await record.write({name: b"{}"})

    async def _outcome(self, ctx: ToolContext[Any], arguments: str) -> tuple[Any, bool]:
        """The tool's output, and whether it worked. Raises RunFailure where that ends the run."""
        patience = asyncio.timeout(self._timeout_s)
        try:
            async with patience:
                output = await self._invoked(ctx, arguments)
        except (ModelBehaviorError, RunFailure, RunStopped):
            raise
        except TimeoutError as error:
            if not patience.expired():
                raise self._failure(error) from error
            return await self._timed_out(ctx), False
        except Exception as error:
            raise self._failure(error) from error
        failed = getattr(ctx, _FAILED_BY_DEFAULT, False) or getattr(ctx, _FAILED, False)
        return output, not failed

    async def _invoked(self, ctx: ToolContext[Any], arguments: str) -> Any:
        """Tools that the SDK made take the context as it is; of others it finds out which they want."""
        if self.prepare_arguments is not None:
            return await self._tool.on_invoke_tool(ctx, arguments)
        return await invoke_function_tool(function_tool=self._tool, context=ctx, arguments=arguments)

    async def _timed_out(self, ctx: ToolContext[Any]) -> Any:
        tool, limit = self._tool, self._timeout_s or 0.0
        error = ToolTimeoutError(tool.name, limit)
        if tool.timeout_behavior == "raise_exception":
            raise self._failure(error) from error
        if tool.timeout_error_function is None:
            return default_tool_timeout_error_message(tool_name=tool.name, timeout_seconds=limit)
        told = tool.timeout_error_function(ctx, error)
        return await told if inspect.isawaitable(told) else told

    def _failure(self, error: BaseException) -> RunFailure:
        told = f"the tool {self._tool.name} failed: {type(error).__name__}: {error}"
        return run_failure(error) or RunFailure(Code.TOOL_FAILED, told)


class ScopedTools:
    """Makes the copies of tools that are put into graphs. Tools that many graphs share are copied once."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, float], tuple[FunctionTool, FunctionTool]] = {}

    def scoped(self, tool: FunctionTool, timeout_s: float) -> FunctionTool:
        """A tool's own time limit stands; an agent used as a tool has the limits of its calls."""
        if getattr(tool, "_is_agent_tool", False):  # belongs to one graph, as its agent does
            return _scoped(tool, tool.timeout_seconds)
        key = (id(tool), timeout_s)
        if key not in self._made:
            if len(self._made) >= MAX_SHARED:  # of a build() that makes its tools anew each time
                self._made.clear()
            # The tool itself is kept too, or another one could come to have its id.
            self._made[key] = (tool, _scoped(tool, tool.timeout_seconds or timeout_s))
        return self._made[key][1]


def _waits_for_approval(ctx: ToolContext[Any]) -> bool:
    """Whether the agent that this tool asked has itself called a tool that a person is to approve."""
    if ctx.tool_call is None:
        return False
    nested = peek_agent_tool_run_result(ctx.tool_call, scope_id=get_agent_tool_state_scope(ctx))
    return bool(nested is not None and nested.interruptions)


def _scoped(tool: FunctionTool, timeout_s: float | None) -> FunctionTool:
    replaced = copy.copy(tool)
    replaced.on_invoke_tool = ScopedInvocation(tool, timeout_s)
    replaced.timeout_seconds = None
    replaced.tool_input_guardrails = [
        scoped_tool_guardrail(one, "tool_arguments") for one in tool.tool_input_guardrails or ()
    ]
    replaced.tool_output_guardrails = [
        scoped_tool_guardrail(one, "tool_result") for one in tool.tool_output_guardrails or ()
    ]
    if replaced.tool_output_guardrails:
        replaced.tool_output_guardrails.append(told_when_allowed())
    return replaced


def _marking_failures(tool: FunctionTool) -> FunctionTool:
    """The tool or, if it words its failures itself, a copy that marks its context when it does."""
    wording = resolve_function_tool_failure_error_function(tool)
    if wording is None or wording is default_tool_error_function:
        return tool

    def marked(ctx: Any, error: Exception) -> Any:
        setattr(ctx, _FAILED, True)
        return wording(ctx, error)

    return set_function_tool_failure_error_function(copy.copy(tool), marked)
