"""Contestant: the Agents SDK alone, without Kafka: `Runner.run` in a loop, so many at once."""

import asyncio
import time

import psutil
from agents import Agent, RunConfig, Runner, set_tracing_disabled

from app import lifetime
from benchmarks.conversation import AGENT, QUESTION
from benchmarks.instant_model import InstantModel
from benchmarks.terms import Terms, tell_parent, terms_of_this_process


async def _runs(agent: Agent[None], count: int, in_flight: int) -> None:
    config = RunConfig(tracing_disabled=True)
    left = iter(range(count))

    async def loop() -> None:
        for _ in left:
            await Runner.run(agent, QUESTION, run_config=config)

    await asyncio.gather(*(loop() for _ in range(in_flight)))


async def _main(terms: Terms) -> int:
    set_tracing_disabled(True)
    agent: Agent[None] = Agent(name=AGENT, model=InstantModel(terms.latency_s))
    await _runs(agent, terms.warm_up, terms.in_flight)
    started, cpu_s = time.perf_counter(), time.process_time()
    await _runs(agent, terms.runs, terms.in_flight)
    tell_parent(
        "measured",
        runs=terms.runs,
        cpu_s=time.process_time() - cpu_s,
        wall_s=time.perf_counter() - started,
        rss_mib=psutil.Process().memory_info().rss / 2**20,
    )
    return 0


if __name__ == "__main__":
    lifetime.run(lambda: _main(terms_of_this_process()))
