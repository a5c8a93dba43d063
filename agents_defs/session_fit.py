"""Fits what a run is told of its session into the agent's budget: the oldest is left out, or put in short."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from agents import Agent, RunConfig

from agents_defs.approvals import run_decided
from agents_defs.memory.history import CHARS_PER_TOKEN, as_text, suffix_within, tokens_of
from agents_defs.run_scope import SCOPE
from agents_defs.text_files import instructions

if TYPE_CHECKING:
    from agents_defs.memory.history import Items
    from agents_defs.run_context import RunContext
    from agents_defs.run_scope import RunScope

NAME = "compaction"
READ_AT_MOST = 4  # budgets: what is older than that is not even read again
IN_SHORT = "What was said so far, in short:\n"


async def fit(scope: RunScope, asked: Items, context: RunContext) -> list[dict[str, Any]]:
    """The run is told of its session what fits. Returns what is to stand for all of it from now on, if so."""
    live, order = scope.run, scope.run.order
    budget, history = order.spec.memory.token_budget, order.session_items
    if budget is None or not history:
        return []
    left = budget - tokens_of(asked)
    if tokens_of(history) <= left:
        return []
    if order.spec.memory.compaction == "trim":
        live.order = dataclasses.replace(order, session_items=history[suffix_within(history, left) :])
        return []
    cut = suffix_within(history, left // 2)
    summary = {"role": "user", "content": IN_SHORT + await _in_short(scope, history[:cut], budget, context)}
    kept = [summary, *history[cut:]]
    live.order = dataclasses.replace(order, session_items=kept)
    return kept


async def _in_short(scope: RunScope, items: Items, budget: int, context: RunContext) -> str:
    """By a model call of the run's own: metered, recorded, the same when it is replayed."""
    agent = Agent[Any](name=NAME, instructions=instructions(__file__))
    scope.run.prepare(agent)
    said = as_text(items)[-READ_AT_MOST * CHARS_PER_TOKEN * budget :]
    child = scope.child(NAME, purpose="compaction")
    token = SCOPE.set(child)
    try:
        ended = await run_decided(
            child, agent, said, RunConfig(tracing_disabled=True), context=context, max_turns=1
        )
        scope.run.record.check()
    finally:
        SCOPE.reset(token)
    return str(ended.final_output)
