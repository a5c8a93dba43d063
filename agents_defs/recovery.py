"""What all runs of a runner share to get over failures of models: the rules, and who is left alone now."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from agents_defs import breaker
from agents_defs.breaker import BreakerRules, BreakerState
from agents_defs.call_places import CallPlaces
from agents_defs.retry_policy import RetryRules

MAX_WATCHED = 256
"""Requests may name models; those not asked for longest are forgotten."""
Watched = tuple[str, str]  # provider, model


class Breakers:
    """One circuit breaker for each provider and model."""

    def __init__(self, rules: BreakerRules | None = None) -> None:
        self._rules = rules or BreakerRules()
        self._states: OrderedDict[Watched, BreakerState] = OrderedDict()

    def wait_s(self, model: Watched, now: float) -> float | None:
        """None: the model may be asked. Whoever is told so says how it went, by `note` or `give_up`."""
        state = self._states.get(model)
        if state is None:
            return None
        self._states[model], wait = breaker.ask(self._rules, state, now)
        return wait

    def note(self, model: Watched, ok: bool, now: float) -> None:
        state = self._states.get(model) or BreakerState(began=now)
        self._states[model] = breaker.note(self._rules, state, ok, now)
        self._states.move_to_end(model)
        if len(self._states) > MAX_WATCHED:
            self._states.popitem(last=False)

    def give_up(self, model: Watched) -> None:
        """The call told nothing of the model."""
        state = self._states.get(model)
        if state is not None:
            self._states[model] = breaker.give_up_trial(state)

    def is_open(self, model: Watched) -> bool:
        state = self._states.get(model)
        return state is not None and state.opened is not None


def calendar() -> datetime:
    """What the wall clock says, for whoever was given no other."""
    return datetime.now(UTC)  # noqa: TID251  the one place of this package that reads it


@dataclass(frozen=True)
class Recovery:
    """How model calls are tried again. Tests give it a clock, a sleep and a random generator of theirs."""

    retries: RetryRules = field(default_factory=RetryRules)
    breakers: Breakers = field(default_factory=Breakers)
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    rng: Random = field(default_factory=Random)
    at: Callable[[], datetime] = calendar
    places: Mapping[str, CallPlaces] = field(default_factory=dict)  # of models that have only so many
