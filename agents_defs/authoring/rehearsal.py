"""Runs what nothing records twice, as a run and its replay would, and watches for clocks and dice."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import Any

from agents import Agent, RunContextWrapper

from agents_defs.authoring import clocks
from agents_defs.authoring.finding import Place
from agents_defs.authoring.own_code import OwnCode
from agents_defs.authoring.source_scan import Sighting
from agents_defs.authoring.testing import Unheard
from agents_defs.authoring.trial_journal import TrialJournal
from agents_defs.recovery import Recovery
from agents_defs.run_context import RunContext
from agents_defs.run_order import RunOrder
from agents_defs.run_scope import SCOPE, LiveRun, RunScope

LONGEST_S = 5.0
# They take the time for themselves: whoever logs a line has not asked what time it is.
QUIET = (
    "logging",
    "structlog",
    "asyncio",
    "concurrent",
    "threading",
    "importlib",
    "agents",
    "pydantic",
    "agents_defs",
)


@dataclass(slots=True)
class Trap:
    """Notes which of an agent's own lines lead to a clock or to dice."""

    own: OwnCode
    caught: dict[Place, Sighting] = field(default_factory=dict)

    @contextmanager
    def set_up(self) -> Iterator[None]:
        """Where somebody else watches this thread already (a profiler), nothing is caught."""
        before = sys.getprofile()
        if before is None:
            sys.setprofile(self._watch)
        try:
            yield
        finally:
            sys.setprofile(before)

    def _watch(self, frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call":
            self._note(called, frame)
        elif event == "call" and frame.f_back is not None:
            self._note(_python_function(frame), frame.f_back)

    def _note(self, called: Any, caller: FrameType) -> None:
        instead = None if called is None else clocks.advice(called)
        if instead is None:
            return
        at: FrameType | None = caller
        while at is not None and not self.own.has_module(module := str(at.f_globals.get("__name__", ""))):
            at = None if module.split(".")[0] in QUIET else at.f_back
        if at is not None:
            place = Place(at.f_code.co_filename, at.f_lineno)
            self.caught.setdefault(place, Sighting(place, clocks.name_of(called), instead))


def _python_function(frame: FrameType) -> Any:
    """The function that a frame runs, where it is one of a module's own."""
    named = frame.f_globals.get(frame.f_code.co_name)
    if getattr(named, "__code__", None) is not frame.f_code:
        return None
    # random.choice is a method of the module's own generator; of others each may have a seed.
    bound = getattr(named, "__self__", None)
    return named if bound is None or bound is frame.f_locals.get("self") else None


def rehearsed(instructions: Callable[..., Any], agent: Agent[Any], order: RunOrder, trap: Trap) -> list[Any]:
    """What dynamic instructions say in a run, and what in its replay. Raises what they raise."""
    journal = TrialJournal()
    with ThreadPoolExecutor(1) as apart:  # whoever asks may have an event loop of their own
        return [
            apart.submit(asyncio.run, _said(instructions, agent, order, journal, trap)).result()
            for _ in range(2)
        ]


async def _said(
    instructions: Callable[..., Any], agent: Agent[Any], order: RunOrder, journal: TrialJournal, trap: Trap
) -> Any:
    live = LiveRun(
        order=replace(order, journal=journal),
        listener=Unheard(),
        now=asyncio.get_running_loop().time,
        feed=None,
        prepare=lambda _agent: None,
        recovery=Recovery(),
        ends=asyncio.get_running_loop().time() + LONGEST_S,
    )
    token = SCOPE.set(RunScope(live))
    try:
        async with asyncio.timeout(LONGEST_S):
            with trap.set_up():
                said = instructions(RunContextWrapper(_context(order)), agent)
                return await said if inspect.isawaitable(said) else said
    finally:
        SCOPE.reset(token)


def _context(order: RunOrder) -> RunContext:
    return RunContext(
        run_id=order.run_id,
        request_id=order.request_id,
        tenant_id=order.tenant_id,
        user_id=order.user_id,
        agent=order.spec.reference,
        attempt=order.attempt,
        metadata=order.metadata,
    )
