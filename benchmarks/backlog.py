"""Measures one worker process while it works off a backlog: it always has as much to do as it may run."""

import sys
import time
from dataclasses import dataclass

from benchmarks import worker_process
from benchmarks.answers import Answers
from benchmarks.figures import Sample
from benchmarks.lineup import BARE_RUNNER, Contestant
from benchmarks.terms import Terms
from benchmarks.worker_process import BenchFailed, Moment, WorkerProcess

PATIENCE_S = 60.0  # with nothing at all happening


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is run, and for how many tenants."""

    runs: int
    warm_up: int = 500
    tail: int = 300  # answered after the measurement, so that it ends under full load too
    tenants: int = 60

    @property
    def total(self) -> int:
        """How many requests there are."""
        return self.warm_up + self.runs + self.tail


async def measure(contestant: Contestant, terms: Terms, plan: Plan) -> Sample:
    """One measurement of one contestant, in a process of its own."""
    answers = contestant.answers(terms)
    await answers.start()
    try:
        await contestant.produce(terms, plan.total, plan.tenants)
        async with worker_process.running(contestant.module, terms, await contestant.python()) as worker:
            begin = await reach(answers, worker, plan.warm_up)
            end = await reach(answers, worker, plan.warm_up + plan.runs)
            rss_mib = worker.rss_mib()
            await reach(answers, worker, plan.total)  # the next measurement finds an empty topic
    finally:
        await answers.stop()
    return Sample(end.runs - begin.runs, end.cpu_s - begin.cpu_s, end.at_s - begin.at_s, rss_mib)


async def reach(answers: Answers, worker: WorkerProcess, count: int) -> Moment:
    """The moment at which so many answers were there."""
    moved_s = time.perf_counter()
    while answers.count < count:
        worker.require_running()
        if await answers.more():
            moved_s = time.perf_counter()
        elif time.perf_counter() - moved_s > PATIENCE_S:
            raise BenchFailed(f"nothing happened for {PATIENCE_S:g} s, at {answers.count} of {count} answers")
    return worker.moment(answers.count)


async def measure_alone(terms: Terms, module: str = BARE_RUNNER, python: str = sys.executable) -> Sample:
    """A contestant without Kafka measures itself."""
    async with worker_process.running(module, terms, python) as worker:
        said = await worker.told("measured", PATIENCE_S * 5)
    return Sample(said["runs"], said["cpu_s"], said["wall_s"], said["rss_mib"])
