"""`make bench-tenants`: whether limits hold, and what it costs to have many tenants, or one that floods.

Four parts, one after the other, on one real Kafka and one real Redis: limits over crashes, a flood beside
others, the CPU of admission, and books that are started with a hundred thousand tenants. The last line of
output is JSON.
"""

import argparse
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from app import lifetime
from benchmarks import (
    durability,
    servers,
    tenant_admission,
    tenant_flood,
    tenant_limits,
    tenant_restore,
)
from benchmarks.figures import Figures, Goal
from benchmarks.report import Report
from benchmarks.servers import Servers
from benchmarks.worker_process import FAILURES

PARTS: Final = ("limits", "flood", "admission", "restore")
GOALS: Final = (
    Goal("overshoot_requests", "<=", 0.0),
    Goal("overshoot_tokens", "<=", 0.0),
    Goal("false_refusals", "<=", 0.0),
    Goal("victim_p99_ms"),
    Goal("victim_p99_unflooded_ms"),
    Goal("jain", ">=", 0.98),
    Goal("admission_us", "<=", 250.0),
    Goal("admission_growth", "<=", 1.25),
    Goal("restore_s_100000", "<=", 60.0),
    Goal("quota_difference_tokens", "<=", 0.0),
)


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is done in each part."""

    limits: tenant_limits.Extent = field(default_factory=tenant_limits.Extent)
    flood: tenant_flood.Extent = field(default_factory=tenant_flood.Extent)
    admission: tenant_admission.Extent = field(default_factory=tenant_admission.Extent)
    restore: tenant_restore.Extent = field(default_factory=tenant_restore.Extent)


QUICK: Final = Extent(
    tenant_limits.Extent(bursts=6, each=60, per_minute=30),
    tenant_flood.Extent(lasts_s=5.0, backlog=600, shared=600),
    tenant_admission.Extent(rounds=3, claims=2_000, many=10_000),
    tenant_restore.Extent(tenants=5_000),
)


@dataclass(frozen=True, slots=True)
class Tenants:
    """One run of the bench."""

    found: Servers
    extent: Extent
    report: Report

    async def limits(self) -> Figures:
        """Limits and quotas over crashes."""
        return await tenant_limits.measure(self.found, self.extent.limits, self.report)

    async def flood(self) -> Figures:
        """A tenant that floods, and shares by weight."""
        return await tenant_flood.measure(self.found, self.extent.flood, self.report)

    async def admission(self) -> Figures:
        """The worker's CPU of admission."""
        return await tenant_admission.measure(self.found, self.extent.admission, self.report)

    async def restore(self) -> Figures:
        """Books that are started with many tenants."""
        return await tenant_restore.measure(self.found, self.extent.restore, self.report)


def goals_of(figures: Mapping[str, float | None]) -> tuple[Goal, ...]:
    """Two of them are made of what was measured; where that is missing they stay as they are."""
    unflooded, allowance = figures.get("victim_p99_unflooded_ms"), figures.get(tenant_limits.ALLOWANCE)
    computed: dict[str, Goal] = {}
    if unflooded is not None:
        computed["victim_p99_ms"] = Goal("victim_p99_ms", "<=", tenant_flood.bound_ms(unflooded))
    if allowance is not None:
        computed["overshoot_tokens"] = Goal("overshoot_tokens", "<=", allowance)
    return tuple(computed.get(goal.name, goal) for goal in GOALS)


async def main(extent: Extent, only: Sequence[str]) -> int:
    """Exits 1 when a figure could not be taken; one that misses its goal is said to."""
    report, figures, failed = Report(), Figures(), False
    with servers.running() as found:
        report.machine(found.versions)
        await durability.require_durable(found.redis_url)
        tenants = Tenants(found, extent, report)
        parts: tuple[Callable[[], Awaitable[Figures]], ...] = (
            *(tenants.limits, tenants.flood),
            *(tenants.admission, tenants.restore),
        )
        for name, part in zip(PARTS, parts, strict=True):
            if only and name not in only:
                continue
            try:
                report.load()
                figures |= await part()
            except FAILURES as error:
                failed = True
                report.failed((part.__doc__ or "").strip(), str(error) or type(error).__name__)
        report.load()
    report.verdicts(figures, goals_of(figures))
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="little of each: to see that it works")
    parser.add_argument(
        "--rate",
        type=float,
        help="flood: requests of each of nine tenants, per second; default: by capacity",
    )
    parser.add_argument("--seconds", type=float, help="flood: how long they send")
    parser.add_argument("--latency-ms", type=int, help="flood: of the model")
    parser.add_argument("--slots", type=int, help="flood: runs at once in the worker")
    parser.add_argument("--tenants", type=int, help="restore: of how many the books are kept")
    parser.add_argument("only", nargs="*", metavar="part", help=f"{', '.join(PARTS)}; nothing: all")
    asked = parser.parse_args()
    if unknown := set(asked.only) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}: {', '.join(PARTS)}")
    return asked


def extent_of(asked: argparse.Namespace) -> Extent:
    """What the flags say."""
    extent = QUICK if asked.quick else Extent()
    flood = {
        "rate": asked.rate,
        "lasts_s": asked.seconds,
        "latency_ms": asked.latency_ms,
        "slots": asked.slots,
    }
    said = {name: value for name, value in flood.items() if value is not None}
    kept = extent.restore if asked.tenants is None else tenant_restore.Extent(asked.tenants)
    return replace(extent, flood=replace(extent.flood, **said), restore=kept)


if __name__ == "__main__":
    words = _arguments()
    sys.exit(lifetime.run(lambda: main(extent_of(words), words.only)))
