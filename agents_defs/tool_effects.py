"""What calling a tool a second time does, as its author declares it.

@at_most_once
@function_tool
async def wire_money(ctx: RunContextWrapper[RunContext], iban: str, cents: int) -> str: ...
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from agents import FunctionTool

from agents_defs.run_scope import SCOPE

if TYPE_CHECKING:
    from agents import RunContextWrapper

ToolEffect = Literal["idempotent", "at_least_once", "at_most_once"]
KEY_CHARS = 32


@dataclass
class DeclaredTool(FunctionTool):
    """A tool whose copies know its effect too, however they are made."""

    effect: ToolEffect = field(default="at_least_once", kw_only=True)


def idempotent(tool: FunctionTool) -> FunctionTool:
    """A second call changes nothing: after a crash it is called again."""
    return _declared(tool, "idempotent")


def at_least_once(tool: FunctionTool) -> FunctionTool:
    """After a crash it is called again, if its result is not recorded. So are tools that declare nothing."""
    return _declared(tool, "at_least_once")


def at_most_once(tool: FunctionTool) -> FunctionTool:
    """Never called again: a run that cannot know whether it was called fails with `unknown_call`."""
    return _declared(tool, "at_most_once")


def effect_of(tool: FunctionTool) -> ToolEffect:
    found: ToolEffect = getattr(tool, "effect", "at_least_once")
    return found


def idempotency_key(context: RunContextWrapper[Any]) -> str:
    """The same for this tool call in each attempt of its run, and for no other call."""
    scope = SCOPE.get()
    if scope is not None:
        name = f"{scope.run.order.run_id}/{scope.path}"
    else:  # outside of any run: somebody tries an agent out
        name = getattr(context, "tool_call_id", None) or uuid4().hex
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:KEY_CHARS]


def _declared(tool: FunctionTool, effect: ToolEffect) -> FunctionTool:
    if not isinstance(tool, FunctionTool):
        raise TypeError("declare the effect of the tool: put this above @function_tool, not below")
    if type(tool) not in {FunctionTool, DeclaredTool}:
        raise TypeError(f"a {type(tool).__name__} cannot be declared: give its class a field `effect`")
    fields = {each.name: getattr(tool, each.name) for each in dataclasses.fields(FunctionTool)}
    return DeclaredTool(**fields, effect=effect)
