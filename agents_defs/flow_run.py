"""One run of a flow: asks its agents, each under a place in the run that is the same in every attempt.

What is asked one after the other is numbered in that order. What is asked at once is a part of its own with
numbers of its own, so that it does not matter who is answered first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from agents import RunConfig
from pydantic import BaseModel

from agents_defs.approvals import run_decided
from agents_defs.journal_entries import MODEL, TOOL, ToolEntry, dumps
from agents_defs.redaction.run_redaction import tool_read, tool_written
from agents_defs.run_scope import SCOPE
from agents_defs.tool_output import read_back, value_of

if TYPE_CHECKING:
    from agents import Agent

    from agents_defs.run_context import RunContext
    from agents_defs.run_scope import RunScope

T = TypeVar("T")
R = TypeVar("R")
STEP_TURNS = 10
"""Model calls of one agent that is asked once, where nobody says otherwise."""
_CONFIG = RunConfig(tracing_disabled=True)


class AskedElsewhere(RuntimeError):
    """An agent was asked from a task that is not the flow's: its place would depend on who is faster."""

    def __init__(self) -> None:
        super().__init__(
            "a flow asks several agents at once with `ask_all` or `each`, not in tasks of its own"
        )


class AskedInOnce(RuntimeError):
    """Once that is recorded it is not called again: what it asked would be missing in the count of places."""

    def __init__(self) -> None:
        super().__init__("what a flow does `once` asks none of its agents: ask before it or after it")


@dataclass(slots=True)
class Progress:
    """What all parts of one run of a flow share."""

    agents: Mapping[str, Agent[Any]]
    context: RunContext
    history: tuple[dict[str, Any], ...]
    last_agent: str
    begun: bool = False  # something was asked already

    def named(self, name: str) -> Agent[Any]:
        """The agent of this name."""
        if name not in self.agents:
            raise LookupError(f"the flow has no agent {name!r}; it has {', '.join(self.agents)}")
        return self.agents[name]


class FlowRun:
    """What the code of a flow is given. `context` is that which tools get, `history` the session so far."""

    def __init__(self, scope: RunScope, progress: Progress, *, part: bool = False) -> None:
        self._scope = scope
        self._progress = progress
        self._part = part
        self._task = asyncio.current_task()
        self._in_once = False

    @property
    def context(self) -> RunContext:
        return self._progress.context

    @property
    def history(self) -> tuple[dict[str, Any], ...]:
        return self._progress.history

    async def ask(
        self, agent: str, question: Any, *, aloud: bool = False, max_turns: int = STEP_TURNS
    ) -> Any:
        """The final output of the flow's agent of this name.

        `question`: text, a list of the API's items, or anything that JSON can tell. `aloud`: who watches the
        run reads this answer while it is written; not of what is asked at once.
        """
        self._check_task()
        if aloud and self._part:
            raise ValueError("what is asked at once cannot be told aloud")
        asked = self._progress.named(agent)
        scope = self._scope.child(f"a{self._scope.count('a')}:{agent}")
        scope.nested = not aloud
        await self._turn_to(agent, scope, aloud=aloud)
        token = SCOPE.set(scope)
        try:
            ended = await run_decided(
                scope, asked, told(question), _CONFIG, context=self.context, max_turns=max_turns
            )
            scope.run.record.check()
        finally:
            SCOPE.reset(token)
        if not self._part:
            self._progress.last_agent = ended.last_agent.name
        return ended.final_output

    async def ask_all(self, questions: Iterable[tuple[str, Any]]) -> list[Any]:
        """Asks agents at once: (name, question) each. Their answers, in the order of the questions."""
        return await self.each(lambda part, one: part.ask(*one), list(questions))

    async def each(self, step: Callable[[FlowRun, T], Awaitable[R]], things: Iterable[T]) -> list[R]:
        """Does the step for all things at once; each has a part of the run to ask in. In their order.

        The first that fails ends the others.
        """
        self._check_task()
        await self._pause()
        self._progress.begun = True
        nth = self._scope.count("p")
        parts = [(self._scope.child(f"p{nth}.{number}"), thing) for number, thing in enumerate(things)]
        tasks = [asyncio.create_task(self._done(step, scope, thing)) for scope, thing in parts]
        return await _all_of(tasks)

    async def once(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """What the call gave back, as JSON: recorded as a tool's result is, then not called again."""
        self._check_task()
        scope = self._scope.child(f"o:{name}")
        record, entry = scope.run.record, scope.entry(TOOL)
        raw = record.read(entry)
        if raw is None:
            token, self._in_once = SCOPE.set(scope), True
            try:
                value = value_of(await call())
            finally:
                SCOPE.reset(token)
                self._in_once = False
            told = tool_written(scope.run, entry, ToolEntry({"value": value}, True, scope.run.degraded))
            raw = told[entry]
            await record.write(told)
        return read_back(tool_read(scope.run, entry, raw).output)

    async def _done(self, step: Callable[[FlowRun, T], Awaitable[R]], scope: RunScope, thing: T) -> R:
        """One of several things, in a task of its own. Who stops the attempt waits for the others."""
        async with self._scope.together():
            SCOPE.set(scope)
            return await step(FlowRun(scope, self._progress, part=True), thing)

    async def _turn_to(self, agent: str, scope: RunScope, *, aloud: bool) -> None:
        """The run goes on with this agent; between two of them it may move to another worker."""
        if self._part:
            return
        live = self._scope.run
        if live.record.read(f"{MODEL}{scope.path}m0") is None:
            await self._pause()
        self._progress.begun = True
        if live.feed is not None and not aloud:  # who speaks aloud says so itself
            live.feed.passed_on(agent)

    async def _pause(self) -> None:
        if self._progress.begun and not self._part:
            await self._scope.run.record.turn_ended(max(0, self._scope.run.turns - 1))

    def _check_task(self) -> None:
        if self._in_once:
            raise AskedInOnce
        if asyncio.current_task() is not self._task:
            raise AskedElsewhere


def told(question: Any) -> Any:
    """As an agent is asked it."""
    if isinstance(question, str | list):
        return question
    value = question.model_dump(mode="json") if isinstance(question, BaseModel) else question
    return dumps(value).decode()


async def _all_of(tasks: list[asyncio.Task[R]]) -> list[R]:
    """All results, or the first failure when the rest has ended, too."""
    if not tasks:
        return []
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    failed = next(
        (task for task in tasks if task in done and not task.cancelled() and task.exception()), None
    )
    if failed is not None:
        return [failed.result()]  # raises
    return [task.result() for task in tasks]
