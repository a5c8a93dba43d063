"""Contestant: the same patterns on the Agents SDK alone: `Runner.run`, no journal, no stream, no meter."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, cast

import psutil
from agents import Agent, RunConfig, Runner, set_tracing_disabled
from agents._run_state_agent_identity import _iter_agent_graph

from agents_defs.flow import Flow
from agents_defs.flow_run import FlowRun, told
from agents_defs.registry import default_registry
from agents_defs.run_context import RunContext
from app import lifetime
from app.demo.patterns import EXAMPLES
from benchmarks.pattern_model import PATTERNS, PatternModel
from benchmarks.terms import Terms, tell_parent, terms_of_this_process

CONTEXT = RunContext("run", "request", "tenant-1", "ada", "bare@1", 1, {})
CONFIG = RunConfig(tracing_disabled=True)


class BareRun:
    """What a flow is given here: its agents, and nothing that remembers."""

    def __init__(self, flow: Flow) -> None:
        self._agents = {agent.name: agent for agent in flow.agents}
        self.context = CONTEXT
        self.history: tuple[dict[str, Any], ...] = ()

    async def ask(self, agent: str, question: Any, *, aloud: bool = False, max_turns: int = 10) -> Any:
        """The final output of the agent of this name; `aloud` means nothing here."""
        asked = self._agents[agent]
        return (await _run(asked, told(question), max_turns)).final_output

    async def ask_all(self, questions: Iterable[tuple[str, Any]]) -> list[Any]:
        """All at once."""
        return list(await asyncio.gather(*(self.ask(*one) for one in questions)))

    async def each(self, step: Callable[[Any, Any], Awaitable[Any]], things: Iterable[Any]) -> list[Any]:
        """All at once."""
        return list(await asyncio.gather(*(step(self, thing) for thing in things)))


async def _run(agent: Agent[Any], asked: Any, max_turns: int) -> Any:
    return await Runner.run(agent, asked, context=CONTEXT, max_turns=max_turns, run_config=CONFIG)


def _made(build: Callable[[], Agent[Any]], model: PatternModel) -> Agent[Any]:
    """Agents of one's own for each run in flight: shared ones would cost the SDK more."""
    root = build()
    for agent in _iter_agent_graph(root):
        agent.model = model
    return root


async def _once(root: Agent[Any], asked: str) -> None:
    if isinstance(root, Flow):
        output = await root.steps(cast("FlowRun", BareRun(root)), asked)
    else:
        output = (await _run(root, asked, 20)).final_output
    if not output:
        raise ValueError("a run gave nothing back")


async def _runs(roots: list[Agent[Any]], asked: str, count: int) -> None:
    left = iter(range(count))

    async def loop(root: Agent[Any]) -> None:
        for _ in left:
            await _once(root, asked)

    await asyncio.gather(*map(loop, roots))


async def _main(terms: Terms) -> int:
    set_tracing_disabled(True)
    registry, model = default_registry(patterns=True), PatternModel()
    for name in PATTERNS:
        roots = [_made(registry.resolve(name).build, model) for _ in range(terms.in_flight)]
        await _runs(roots, EXAMPLES[name].asks, terms.warm_up)
        started, cpu_s = time.perf_counter(), time.process_time()
        await _runs(roots, EXAMPLES[name].asks, terms.runs)
        tell_parent(
            name,
            runs=terms.runs,
            cpu_s=time.process_time() - cpu_s,
            wall_s=time.perf_counter() - started,
            rss_mib=psutil.Process().memory_info().rss / 2**20,
        )
    return 0


if __name__ == "__main__":
    lifetime.run(lambda: _main(terms_of_this_process()))
