"""Measures, from within its process, a contestant that reads no topic: so many runs, so many at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import psutil

from benchmarks.conversation import ANSWER
from benchmarks.terms import Terms, tell_parent

Run = Callable[[], Awaitable[str]]


async def measure(run: Run, terms: Terms) -> None:
    """Warm up, measure, and tell the parent. The CPU time is that of all threads."""
    await runs(run, terms.warm_up, terms.in_flight)
    started, cpu_s = time.perf_counter(), time.process_time()
    await runs(run, terms.runs, terms.in_flight)
    tell_parent(
        "measured",
        runs=terms.runs,
        cpu_s=time.process_time() - cpu_s,
        wall_s=time.perf_counter() - started,
        rss_mib=psutil.Process().memory_info().rss / 2**20,
    )


async def runs(run: Run, count: int, in_flight: int) -> None:
    """So many runs; one that answers anything else is no run."""
    left = iter(range(count))

    async def loop() -> None:
        for _ in left:
            if (answer := await run()) != ANSWER:
                raise ValueError(f"not the answer: {answer[:300]!r}")

    await asyncio.gather(*(loop() for _ in range(in_flight)))
