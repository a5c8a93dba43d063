"""Puts the guardrails of a spec on the agents of a graph."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agents_defs.guardrails.guard import Guard, input_guardrail_of, output_guardrail_of

if TYPE_CHECKING:
    from agents import Agent


def add_input_guards(agent: Agent[Any], guards: Sequence[Guard]) -> None:
    """On the first agent: what is asked is asked of it."""
    added = [input_guardrail_of(group) for group in _groups(guards, "input")]
    agent.input_guardrails = [*agent.input_guardrails, *added]


def add_output_guards(agent: Agent[Any], guards: Sequence[Guard]) -> None:
    """On each agent that may have the last word."""
    added = [output_guardrail_of(group) for group in _groups(guards, "output")]
    agent.output_guardrails = [*agent.output_guardrails, *added]


def withheld(guards: Sequence[Guard]) -> bool:
    """Whether readers are told an answer only when it has passed."""
    return any(guard.side == "output" and not guard.parallel for guard in guards)


def _groups(guards: Sequence[Guard], side: str) -> list[tuple[Guard, ...]]:
    """Detectors go together: one task, one entry of the journal. Who asks a model stands alone."""
    groups: list[tuple[Guard, ...]] = []
    for parallel in (False, True):
        mine = [guard for guard in guards if guard.side == side and guard.parallel is parallel]
        quick = tuple(guard for guard in mine if not inspect.iscoroutinefunction(guard.check))
        groups += [quick] if quick else []
        groups += [(guard,) for guard in mine if inspect.iscoroutinefunction(guard.check)]
    return groups
