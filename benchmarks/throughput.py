"""`make bench`: what Penstock costs beside the bare SDK, a bare aiokafka loop, calfkit and DBOS, in one run.

The figure is runs per CPU-second of the worker process; contestants take turns on one broker and one Redis,
and ratios are those of neighbours in time. The last line of output is JSON.
"""

import argparse
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from app import lifetime
from benchmarks import durability, entrants, latency, memory, servers, stages
from benchmarks.backlog import Plan
from benchmarks.entrants import entrant
from benchmarks.figures import GOALS, Figures, Latency, middle, summarise
from benchmarks.lineup import BARE, CALFKIT, PLAIN, TRANSACTIONAL, Contestant
from benchmarks.report import Report
from benchmarks.rounds import play
from benchmarks.scale import Scale
from benchmarks.servers import Servers
from benchmarks.terms import Terms
from benchmarks.worker_process import FAILURES, BenchFailed

WARM_UP = 500


@dataclass(slots=True)
class Bench:
    """One run of the bench: its parts fill in the figures, and one that fails leaves the others alone."""

    found: Servers
    scale: Scale
    report: Report
    capacity: float | None = None  # plain runs per second, once measured

    async def instant(self) -> Figures:
        """100 in flight on the model that answers at once, all contestants."""
        await durability.require_durable(self.found.redis_url)
        scale, found = self.scale, self.found
        plan, slow_plan = Plan(scale.runs, WARM_UP), Plan(scale.calfkit_runs, WARM_UP // 2)
        alone = Terms(found.bootstrap, found.redis_url, "alone", warm_up=WARM_UP, runs=scale.runs)
        outcome = await play(
            "instant model, 100 in flight",
            [
                entrants.alone(alone),
                entrant(BARE, BARE.terms(found), plan),
                entrant(PLAIN, PLAIN.terms(found), plan),
                entrant(TRANSACTIONAL, TRANSACTIONAL.terms(found), plan),
                entrant(CALFKIT, CALFKIT.terms(found), slow_plan),
                entrants.dbos(replace(alone, warm_up=scale.dbos_runs // 3, runs=scale.dbos_runs)),
            ],
            scale.repeats,
            self.report,
        )
        if PLAIN.title in outcome.samples:
            self.capacity = summarise(outcome.samples[PLAIN.title]).per_second
        return {
            "throughput_ratio": outcome.ratio(PLAIN.title, BARE.title),
            "throughput_ratio_transactional": outcome.ratio(TRANSACTIONAL.title, BARE.title),
            "durable_ratio": outcome.ratio(TRANSACTIONAL.title, BARE.title),
            "vs_calfkit": outcome.ratio(TRANSACTIONAL.title, CALFKIT.title),
            "vs_dbos": outcome.ratio(TRANSACTIONAL.title, entrants.DBOS_TITLE),
        }

    async def three_step_cost(self) -> Figures:
        """Three durable steps, CPU."""
        return await durability.three_step_cost(self.found, self.scale, self.report)

    async def three_step_time(self) -> Figures:
        """Three durable steps, one at a time."""
        return await durability.three_step_time(self.found, self.scale, self.report)

    async def waiting(self) -> Figures:
        """1,000 in flight on a model that takes a second."""
        plan = Plan(self.scale.waiting_runs, warm_up=1000, tail=1000)
        outcome = await play(
            "model of 1 s, 1,000 in flight",
            [
                entrant(
                    contestant,
                    replace(
                        contestant.terms(self.found, f"{contestant.name}-1k"), in_flight=1000, latency_s=1.0
                    ),
                    plan,
                )
                for contestant in (BARE, PLAIN, TRANSACTIONAL)
            ],
            self.scale.repeats,
            self.report,
        )
        return {"throughput_ratio_1000_in_flight": outcome.ratio(PLAIN.title, BARE.title)}

    def _slow_terms(self, contestant: Contestant) -> Terms:
        terms = contestant.terms(self.found, f"{contestant.name}-slow")
        return replace(terms, in_flight=1000, latency_s=1.0)

    async def added(self) -> Figures:
        """Latency at half of what plain delivery could do."""
        if self.capacity is None:
            raise BenchFailed("its load is half of the plain worker's throughput, which was not measured")
        contestants = (PLAIN, TRANSACTIONAL, BARE)
        terms = {one.name: one.terms(self.found, f"{one.name}-latency") for one in contestants}
        slices: dict[str, list[Latency]] = {one.name: [] for one in contestants}
        for one in contestants:
            await one.create_topics(terms[one.name])
        for number in range(self.scale.slices):
            self.report.progress(f"latency at half load: slice {number + 1} of {self.scale.slices}")
            for one in contestants:
                found = await latency.measure(one, terms[one.name], self.capacity / 2, self.scale.arrivals)
                slices[one.name].append(found)
        for one in contestants:
            self.report.latency(one.title, middle(slices[one.name]))
        ours = middle(slices[PLAIN.name])
        return {"added_p50_ms": ours.p50_ms, "added_p99_ms": ours.p99_ms}

    async def held(self) -> Figures:
        """Memory with 10,000 runs at the model at once."""
        count = self.scale.gathered
        self.report.progress(f"memory with {count} in flight")
        terms = replace(PLAIN.terms(self.found, "plain-memory"), in_flight=count, gather=count)
        await PLAIN.create_topics(terms)
        rss_mib = await memory.measure(PLAIN, terms)
        self.report.say(f"{PLAIN.title}: {rss_mib:.0f} MiB resident with {count} runs at the model")
        return {"rss_mib_10000": rss_mib}

    async def partitions(self) -> Figures:
        """Cost per run over partitions, for the same tenants."""
        plan = Plan(self.scale.growth_runs, WARM_UP, tenants=640)
        one, many = (replace(PLAIN.terms(self.found, f"plain-p{n}"), partitions=n) for n in (1, 64))
        return await self._growth("cost_growth_partitions", ("1 partition", one, plan), ("64", many, plan))

    async def tenants(self) -> Figures:
        """Cost per run over tenants, each of which is seen."""
        few = Plan(self.scale.growth_runs, 2000, tenants=10)
        many = replace(few, tenants=10_000)
        here, there = (PLAIN.terms(self.found, f"plain-t{n}") for n in (10, 10_000))
        return await self._growth("cost_growth_tenants", ("10 tenants", here, few), ("10,000", there, many))

    async def _growth(
        self, figure: str, small: tuple[str, Terms, Plan], large: tuple[str, Terms, Plan]
    ) -> Figures:
        entrants = [entrant(PLAIN, terms, plan, name) for name, terms, plan in (small, large)]
        title = f"{PLAIN.title}: {small[0]} and {large[0]}"
        outcome = await play(title, entrants, self.scale.growth_repeats, self.report)
        return {figure: outcome.ratio(small[0], large[0])}

    async def where(self) -> Figures:
        """No figure: the table of stages."""
        await stages.show(self.found, self.report, PLAIN, TRANSACTIONAL)
        return {}


async def main(scale: Scale) -> int:
    """Exits 1 when a figure could not be taken; one that misses its goal is said to."""
    report, figures = Report(), Figures()
    with servers.running() as found:
        report.machine(found.versions)
        bench = Bench(found, scale, report)
        parts: tuple[Callable[[], Awaitable[Figures]], ...] = (
            *(bench.instant, bench.three_step_cost, bench.three_step_time),
            *(bench.waiting, bench.added, bench.held),
            *(bench.partitions, bench.tenants, bench.where),
        )
        for part in parts:
            try:
                figures |= await part()
            except FAILURES as error:
                report.failed((part.__doc__ or "").strip(), str(error) or type(error).__name__)
        report.machine(found.versions)
    report.verdicts(figures)
    return 0 if all(figures.get(goal.name) is not None for goal in GOALS) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="interleaved repeats; medians are taken")
    parser.add_argument("--runs", type=int, default=3000, help="runs in each measurement")
    parser.add_argument("--quick", action="store_true", help="once, and little: to see that it works")
    return parser.parse_args()


if __name__ == "__main__":
    asked = _arguments()
    size = Scale.of(repeats=asked.repeats, runs=asked.runs, quick=asked.quick)
    sys.exit(lifetime.run(lambda: main(size)))
