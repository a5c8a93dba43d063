"""`make bench-patterns`: what each agent pattern costs in CPU, durable in the stream and on the bare SDK.

Both run the same agents and flows on a model that answers at once. Durable: a real worker, Kafka and Redis,
transactional delivery, a journal for every run; its CPU time is counted from the first request of a pattern
to the last answer. The last line of output is JSON: for each pattern the runs per CPU-second of the worker,
over those of the bare SDK.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterator, Mapping
from statistics import median

from app import lifetime
from app.demo.patterns import EXAMPLES
from benchmarks import durability, servers, topics, worker_process
from benchmarks.answers import Answers, request_id
from benchmarks.backlog import PATIENCE_S, reach
from benchmarks.figures import Sample, paired_ratio
from benchmarks.pattern_model import PATTERNS
from benchmarks.requests import Request, make_requests
from benchmarks.servers import Servers
from benchmarks.terms import Terms
from benchmarks.worker_process import FAILURES

DURABLE = "benchmarks.contestants.penstock_patterns"
BARE = "benchmarks.contestants.bare_patterns"
GOAL = 0.5
IN_FLIGHT = 50
TENANTS = 60

Samples = dict[str, Sample]


async def durable(terms: Terms) -> Samples:
    """All patterns, one after the other, in one worker."""
    answers, found = Answers(terms, request_id), {}

    async def worked_off(requests: Iterator[Request], count: int) -> Sample:
        begin = worker.moment(answers.count)
        await topics.write(terms, itertools.islice(requests, count))
        end = await reach(answers, worker, begin.runs + count)
        return Sample(count, end.cpu_s - begin.cpu_s, end.at_s - begin.at_s, worker.rss_mib())

    await answers.start()
    try:
        async with worker_process.running(DURABLE, terms) as worker:
            for name in PATTERNS:
                requests = make_requests(TENANTS, terms.partitions, name, EXAMPLES[name].asks)
                await worked_off(requests, terms.warm_up)
                found[name] = await worked_off(requests, terms.runs)
    finally:
        await answers.stop()
    return found


async def bare(terms: Terms) -> Samples:
    """The same in a process that knows neither Kafka nor a journal."""
    found = {}
    async with worker_process.running(BARE, terms) as worker:
        for name in PATTERNS:
            said = await worker.told(name, PATIENCE_S)
            found[name] = Sample(said["runs"], said["cpu_s"], said["wall_s"], said["rss_mib"])
    return found


async def measured(found: Servers, runs: int, repeats: int) -> tuple[list[Samples], list[Samples]]:
    """Both contestants in turns."""
    await durability.require_durable(found.redis_url)
    terms = Terms(
        found.bootstrap,
        found.redis_url,
        "patterns",
        in_flight=IN_FLIGHT,
        delivery="transactional",
        warm_up=IN_FLIGHT,
        runs=runs,
    )
    await topics.create_penstocks(terms)
    ours, theirs = [], []
    for _ in range(repeats):
        theirs.append(await bare(terms))
        ours.append(await durable(terms))
    return ours, theirs


def figures(ours: list[Samples], theirs: list[Samples]) -> Mapping[str, dict[str, float]]:
    """For each pattern: CPU milliseconds of a run on both, and how the runs per CPU-second compare."""
    return {
        name: {
            "durable_ms": round(median(one[name].cpu_ms for one in ours), 2),
            "bare_ms": round(median(one[name].cpu_ms for one in theirs), 2),
            "ratio": round(paired_ratio([one[name] for one in ours], [one[name] for one in theirs]), 3),
        }
        for name in PATTERNS
    }


async def main(runs: int, repeats: int) -> int:
    with servers.running() as found:
        print(f"{found.versions}; {repeats} repeats of {runs} runs, {IN_FLIGHT} in flight", flush=True)
        try:
            taken = figures(*await measured(found, runs, repeats))
        except FAILURES as failure:
            print(f"the bench failed: {failure}")
            return 1
    print(f"{'pattern':18}{'durable':>12}{'bare SDK':>12}{'ratio':>8}")
    for name, one in taken.items():
        verdict = "pass" if one["ratio"] >= GOAL else "FAIL"
        print(f"{name:18}{one['durable_ms']:>9} ms{one['bare_ms']:>9} ms{one['ratio']:>8} {verdict}")
    print(json.dumps({name: one["ratio"] for name, one in taken.items()}))
    return 0 if all(one["ratio"] >= GOAL for one in taken.values()) else 1


if __name__ == "__main__":
    told = argparse.ArgumentParser(description="What each agent pattern costs.")
    told.add_argument("--runs", type=int, default=200, help="of each pattern, in each repeat")
    told.add_argument("--repeats", type=int, default=3)
    chosen = told.parse_args()
    sys.exit(lifetime.run(lambda: main(chosen.runs, chosen.repeats)))
