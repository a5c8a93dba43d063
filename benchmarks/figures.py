"""What is made of the measurements: medians, ratios, goals and the one line of JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal


@dataclass(frozen=True, slots=True)
class Sample:
    """One measured stretch of one worker process."""

    runs: int
    cpu_s: float
    wall_s: float
    rss_mib: float

    @property
    def per_cpu_second(self) -> float:
        """Runs per second of the worker's CPU time."""
        return self.runs / self.cpu_s

    @property
    def per_second(self) -> float:
        """Runs per second on the clock."""
        return self.runs / self.wall_s

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds per run."""
        return self.cpu_s * 1000 / self.runs


@dataclass(frozen=True, slots=True)
class Summary:
    """The repeats of one contestant, each figure by its own median."""

    runs: int
    per_cpu_second: float
    spread: float  # (max - min) / median of runs per CPU-second
    per_second: float
    cpu_ms: float
    rss_mib: float


def summarise(samples: Sequence[Sample]) -> Summary:
    """The medians over all repeats, and how far they lie apart."""
    rates = [sample.per_cpu_second for sample in samples]
    middle = median(rates)
    return Summary(
        runs=sum(sample.runs for sample in samples),
        per_cpu_second=middle,
        spread=(max(rates) - min(rates)) / middle,
        per_second=median(sample.per_second for sample in samples),
        cpu_ms=median(sample.cpu_ms for sample in samples),
        rss_mib=median(sample.rss_mib for sample in samples),
    )


def paired_ratio(ours: Sequence[Sample], theirs: Sequence[Sample]) -> float:
    """The median of the ratios of each repeat: neighbours in time shared the same noise."""
    pairs = zip(ours, theirs, strict=True)
    return median(one.per_cpu_second / other.per_cpu_second for one, other in pairs)


def percentile(values: Sequence[float], per_cent: float) -> float:
    """The smallest value that at least `per_cent` of all do not exceed."""
    if not values:
        raise ValueError("no values")
    rank = max(1, math.ceil(per_cent / 100 * len(values)))
    return sorted(values)[rank - 1]


@dataclass(frozen=True, slots=True)
class Latency:
    """From the producer's send to the reader's receipt; the model takes no time of it."""

    rate: float  # requests per second
    p50_ms: float
    p99_ms: float
    count: int


def middle(slices: Sequence[Latency]) -> Latency:
    """Each figure by its own median: a slice that met other work on the machine does not decide."""
    return Latency(
        slices[0].rate,
        median(one.p50_ms for one in slices),
        median(one.p99_ms for one in slices),
        sum(one.count for one in slices),
    )


Figures = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure of the JSON line, and what it should reach."""

    name: str
    relation: Literal[">=", "<=", "<"] = ">="
    limit: float | None = None  # None: it is only told

    def met(self, value: float) -> bool:
        """Whether the figure is good enough."""
        if self.limit is None:
            return True
        if self.relation == ">=":
            return value >= self.limit
        return value <= self.limit if self.relation == "<=" else value < self.limit

    def verdict(self, value: float | None) -> str:
        """One word, and the goal; a figure that could not be taken is no pass."""
        goal = "no goal" if self.limit is None else f"goal {self.relation} {self.limit:g}"
        if value is None:
            return f"FAILED (not measured; {goal})"
        if self.limit is None:
            return goal
        return f"{'pass' if self.met(value) else 'FAIL'} ({goal})"


GOALS: tuple[Goal, ...] = (
    Goal("throughput_ratio", ">=", 0.75),
    Goal("throughput_ratio_transactional", ">=", 0.6),
    Goal("throughput_ratio_1000_in_flight", ">=", 1.0),
    Goal("durable_ratio", ">=", 0.5),
    Goal("vs_calfkit", ">=", 1.5),
    Goal("vs_dbos", ">=", 2.0),
    Goal("three_step_p50_ms", "<=", 20.0),
    Goal("three_step_p99_ms", "<=", 60.0),
    Goal("three_step_ratio"),
    Goal("added_p50_ms", "<=", 10.0),
    Goal("added_p99_ms", "<=", 40.0),
    Goal("rss_mib_10000", "<", 1228.8),
    Goal("cost_growth_partitions", "<=", 1.25),
    Goal("cost_growth_tenants", "<=", 1.25),
)


def json_line(figures: Mapping[str, float | None], goals: Sequence[Goal] = GOALS) -> str:
    """All figures that have a goal, in their order; null is one that could not be taken."""
    return json.dumps({goal.name: _rounded(figures.get(goal.name)) for goal in goals})


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
