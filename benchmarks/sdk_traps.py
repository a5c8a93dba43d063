"""Shows the two things in the Agents SDK that grow with scale, and that Penstock does not pay for them.

Runs that share one Agent pay for each other: every turn looks over all the runs in flight. And every run
hashes the whole hand-off graph that its agent can reach. Run it with `python -m benchmarks.sdk_traps`; it
needs no servers.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from statistics import median

from agents import Agent, RunConfig, Runner, set_tracing_disabled
from rich.console import Console
from rich.table import Table

from agents_defs import identity_patch
from agents_defs.graph_pool import GraphPool
from app import lifetime
from benchmarks.conversation import AGENT, QUESTION
from benchmarks.instant_model import InstantModel

IN_FLIGHT = 1000
HANDOFFS = 20
RUNS = 500
REPEATS = 3
LATENCY_S = 1.0  # so that all of them are at the model together
CONFIG = RunConfig(tracing_disabled=True)

Graph = Agent[None]
Run = Callable[[], Awaitable[object]]


def triage(handoffs: int) -> Graph:
    """An agent that can hand off to so many others."""
    model = InstantModel()
    others: list[Graph] = [Agent(name=f"desk {number}", model=model) for number in range(handoffs)]
    return Agent(name=AGENT, model=model, handoffs=list(others))


def on_one(graph: Graph) -> Run:
    """A run on this very graph, whoever else runs on it."""
    return lambda: Runner.run(graph, QUESTION, run_config=CONFIG)


def on_own() -> Run:
    """A run on a graph that no other run has, from Penstock's pool."""
    pool = GraphPool(lambda: Agent(name=AGENT, model=InstantModel(LATENCY_S)), IN_FLIGHT)

    async def run() -> None:
        graph = pool.take()
        await Runner.run(graph, QUESTION, run_config=CONFIG)
        pool.give(graph)

    return run


@contextmanager
def unpatched() -> Iterator[None]:
    """The SDK as it is."""
    identity_patch.remove()
    try:
        yield
    finally:
        identity_patch.apply()


async def cost_ms(run: Run, count: int, *, together: bool) -> float:
    """CPU milliseconds per run: the median of a few goes, after one that does not count."""
    taken = []
    for _ in range(REPEATS + 1):
        began = time.process_time()
        if together:
            await asyncio.gather(*(run() for _ in range(count)))
        else:
            for _ in range(count):
                await run()
        taken.append((time.process_time() - began) * 1000 / count)
    return median(taken[1:])


async def _main() -> int:
    set_tracing_disabled(True)
    identity_patch.apply()
    waiting: Graph = Agent(name=AGENT, model=InstantModel(LATENCY_S))
    table = Table(title="CPU of one run in the Agents SDK", title_justify="left")
    table.add_column("")
    table.add_column("ms", justify="right")

    def row(name: str, value: float) -> None:
        table.add_row(name, f"{value:.2f}")

    row("one shared Agent, 50 in flight", await cost_ms(on_one(waiting), 50, together=True))
    row("one shared Agent, 1,000 in flight", await cost_ms(on_one(waiting), IN_FLIGHT, together=True))
    row("an Agent each from the pool, 1,000 in flight", await cost_ms(on_own(), IN_FLIGHT, together=True))
    table.add_section()
    with unpatched():
        row("no hand-offs", await cost_ms(on_one(triage(0)), RUNS, together=False))
        row("20 hand-offs", await cost_ms(on_one(triage(HANDOFFS)), RUNS, together=False))
    row("no hand-offs, patched", await cost_ms(on_one(triage(0)), RUNS, together=False))
    row("20 hand-offs, patched", await cost_ms(on_one(triage(HANDOFFS)), RUNS, together=False))
    Console(width=80, highlight=False).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(lifetime.run(_main))
