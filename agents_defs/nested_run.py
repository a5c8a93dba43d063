"""Lets a tool or a guardrail ask another agent, as a part of the run that it works for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents import RunConfig, Runner

from agents_defs.approvals import run_decided
from agents_defs.run_scope import SCOPE

if TYPE_CHECKING:
    from agents import Agent, RunContextWrapper


async def ask(
    context: RunContextWrapper[Any], agent: Agent[Any], question: Any, *, max_turns: int = 10
) -> Any:
    """The agent's final output. Its calls are metered and limited as the run's own, on a path of their own.

    The agent may be a module's constant: a copy is run.
    """
    scope = SCOPE.get()
    asked = agent.clone()
    if scope is None:  # outside of any run: somebody tries an agent out
        return (await Runner.run(asked, question, context=context.context, max_turns=max_turns)).final_output
    scope.run.prepare(asked)
    child = scope.child(f"a{scope.count('a')}:{agent.name}")
    token = SCOPE.set(child)
    try:
        config = RunConfig(tracing_disabled=True)
        result = await run_decided(
            child, asked, question, config, context=context.context, max_turns=max_turns
        )
        scope.run.record.check()
    finally:
        SCOPE.reset(token)
    return result.final_output
