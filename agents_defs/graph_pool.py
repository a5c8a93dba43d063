"""Lends each run a graph of agents that no other run uses.

Runs that share an Agent object cost the SDK time for every other run in flight, each turn: it watches for
changed tools under a lock. Copying only the first agent does not help: those it hands off to stay shared.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agents_defs.agent_graph import (
    EVERYTHING,
    Allowed,
    Workshop,
    build_graph,
    characters_told,
    first_asked,
)
from agents_defs.mcp.offer import offer_of

if TYPE_CHECKING:
    from agents import Agent
    from mcp.types import Tool as McpTool

    from agents_defs.agent_spec import AgentSpec

    Known = tuple[tuple[McpTool, ...] | None, ...]

MAX_POOLS = 64
"""Requests may name models, and each has its own graphs: those not used for longest are forgotten."""


class GraphPool:
    """The idle graphs of one spec. Grows with the runs in flight; beyond `max_idle` they are dropped."""

    def __init__(self, build: Callable[[], Agent[Any]], max_idle: int) -> None:
        self._build = build
        self._max_idle = max_idle
        # Two, so that a build() that returns the same agents again fails at once and not only under load.
        self._idle = [build(), build()]
        self._offer = offer_of(first_asked(self._idle[0]))
        self._known: Known = ()
        self._told: int | None = None

    @property
    def idle(self) -> int:
        return len(self._idle)

    @property
    def told(self) -> int:
        """About how many characters its first agent tells a model beside what it is asked."""
        known: Known = () if self._offer is None else self._offer.known
        if self._told is None or known != self._known:  # compared as objects: they stay what they are
            self._known, graph = known, self.take()
            self._told = characters_told(graph)
            self.give(graph)
        return self._told

    def take(self) -> Agent[Any]:
        """A graph for one run, which gives it back or, where it ended in disorder, drops it."""
        return self._idle.pop() if self._idle else self._build()

    def give(self, graph: Agent[Any]) -> None:
        if len(self._idle) < self._max_idle:
            self._idle.append(graph)


class GraphPools:
    """A pool for each spec, model that was asked for, and set of tools that a plan allows."""

    def __init__(self, workshop: Workshop, max_idle: int) -> None:
        self._workshop = workshop
        self._max_idle = max_idle
        self._pools: OrderedDict[tuple[AgentSpec, str | None, Allowed], GraphPool] = OrderedDict()

    def pool(self, spec: AgentSpec, model: str | None, allowed: Allowed = EVERYTHING) -> GraphPool:
        key = (spec, model, allowed)
        pool = self._pools.get(key)
        if pool is None:
            pool = GraphPool(lambda: build_graph(spec, self._workshop, model, allowed), self._max_idle)
            self._pools[key] = pool
            if len(self._pools) > MAX_POOLS:
                self._pools.popitem(last=False)
        else:
            self._pools.move_to_end(key)
        return pool
