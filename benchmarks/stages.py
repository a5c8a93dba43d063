"""Where a worker's CPU time goes, stage by stage: sampled in runs of their own, never in measured ones.

Run it alone with `python -m benchmarks.stages`.
"""

import asyncio
import sys
from dataclasses import replace

from benchmarks import sampling, servers, worker_process
from benchmarks.backlog import Plan, reach
from benchmarks.lineup import BARE, PLAIN, TRANSACTIONAL, Contestant
from benchmarks.report import Report
from benchmarks.servers import Servers
from benchmarks.worker_process import FAILURES

TOLD_S = 30.0
THREADS = "other threads (Faust's consumer)"
PLAN = Plan(4000)


async def sample(contestant: Contestant, found: Servers, plan: Plan = PLAN) -> list[tuple[str, float]]:
    """Stages and their CPU milliseconds per run, the costliest first."""
    terms = replace(contestant.terms(found, f"{contestant.name}-stages"), sampled=True)
    await contestant.create_topics(terms)
    answers = contestant.answers(terms)
    await answers.start()
    try:
        await contestant.produce(terms, plan.total, plan.tenants)
        async with worker_process.running(contestant.module, terms, await contestant.python()) as worker:
            begin = await reach(answers, worker, plan.warm_up)
            worker.signal(sampling.ON)
            end = await reach(answers, worker, plan.warm_up + plan.runs)
            worker.signal(sampling.OFF)
            said = await worker.told("sampled", TOLD_S)
    finally:
        await answers.stop()
    runs = end.runs - begin.runs
    used = {**said["by_stage"], THREADS: said["other_threads_s"]}
    rows = [(stage, seconds * 1000 / runs) for stage, seconds in used.items()]
    return sorted(rows, key=lambda row: -row[1])


async def show(found: Servers, report: Report, *contestants: Contestant) -> None:
    """A table for each."""
    for contestant in contestants:
        try:
            rows = await sample(contestant, found)
        except FAILURES as error:
            report.failed(f"stages of {contestant.title}", str(error) or type(error).__name__)
        else:
            report.stages(f"where the time goes: {contestant.title} (sampled)", rows)


async def _main() -> int:
    report = Report()
    with servers.running() as found:
        report.machine(found.versions)
        await show(found, report, PLAIN, TRANSACTIONAL, BARE)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
