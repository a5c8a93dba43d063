"""What it costs a worker to admit a request, for ten tenants and for ten thousand.

`streams.admission` as a worker has it, with plans, estimates and gates, on a real Redis by way of the one
pipeline of scripts: batches of a hundred claims, one after the other, in this process and on its event loop.
The figure is this process' CPU; what Redis uses of its own is told beside it.
"""

import gc
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any, Final, NamedTuple

import orjson
import redis.asyncio as redis

from agents_defs.model_access import FixedAccess
from agents_defs.registry import AgentSpec, Registry
from agents_defs.runner import AgentRunner
from app.adapters.redis_batch import RedisBatch
from app.adapters.redis_claims import RedisClaims
from app.adapters.redis_client import connect_redis
from benchmarks.bench_agent import make_agent, make_model
from benchmarks.conversation import AGENT, QUESTION
from benchmarks.figures import Figures
from benchmarks.report import Report
from benchmarks.servers import Servers
from benchmarks.terms import Terms
from benchmarks.worker_process import BenchFailed
from schemas.partitions import partition_for
from streams.admission import Admission, Application, Tenants
from streams.caps import CapsInForce
from streams.estimates import Foresight
from streams.flow import Admit, Record
from streams.intake import Intake
from streams.observations import Occurrence
from streams.options import LimitOptions
from streams.plans import Plans
from streams.ports import Shelf
from streams.tenancy import Tenancy

BATCH: Final = 100
PARTITIONS: Final = 12
LARGEST: Final = 1 << 20
OWNER: Final = "w-0"
FEW, MANY = 10, 10_000
DAYS: Final = 7
NOBODY_REACHES: Final = 1_000_000_000
MOST_OUTPUT: Final = 500  # output tokens of an answer

TERMS: Final = Terms("", "", "admission")

WINDOW: Final = [{"what": "requests", "per": "minute", "limit": NOBODY_REACHES}]
REALISTIC: Final[Mapping[str, Any]] = {
    "limits": [
        *WINDOW,
        {"what": "tokens", "per": "day", "limit": NOBODY_REACHES},
        {"what": "cost_usd", "per": "day", "limit": "1000000"},
    ],
    "max_output_tokens": MOST_OUTPUT,
    "quota": {"runs": NOBODY_REACHES, "tokens": NOBODY_REACHES, "cost_usd": "1000000"},
}
PLANS: Final[Mapping[str, Mapping[str, Any]]] = {"window": {"limits": WINDOW}, "realistic": REALISTIC}


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is claimed."""

    rounds: int = 7
    claims: int = 10_000  # in each round, of each kind
    many: int = MANY


class Cost(NamedTuple):
    """Microseconds of CPU for one claim."""

    worker_us: float
    redis_us: float


class Unheard:
    """Nobody listens."""

    def observe(self, occurrence: Occurrence) -> None:
        """Whatever it is."""


@dataclass
class Gate:
    """One kind: so many tenants with one plan, and the admission of a worker that knows them."""

    name: str
    tenants: int
    admission: Admission
    intake: Intake
    costs: list[Cost] = field(default_factory=list)
    _made: int = 0

    def applications(self, count: int) -> list[Application]:
        """Of each tenant in turn, each new."""
        return [self._application() for _ in range(count)]

    def _application(self) -> Application:
        tenant = f"{self.name}-{self._made % self.tenants}"
        self._made += 1
        name = f"{tenant}-{self._made}"
        body = {"request_id": name, "tenant_id": tenant, "agent": AGENT, "input": QUESTION}
        key = tenant.encode()
        place = partition_for(key, PARTITIONS)
        record = Record("requests", place, self._made, 0, key, orjson.dumps(body))
        return Application(self.intake.parse(record, 0.0, datetime.now(UTC)), f"token-{self._made}")

    async def admit(self, applications: Sequence[Application]) -> None:
        """In batches. All of them must be admitted, or it is no admission that is measured."""
        for start in range(0, len(applications), BATCH):
            for verdict in await self.admission.decide(applications[start : start + BATCH]):
                if not isinstance(verdict, Admit):
                    raise BenchFailed(f"a claim was not admitted: {verdict}")

    async def measure(self, client: "redis.Redis", count: int) -> Cost:
        """So many claims; making them is no part of it."""
        applications = self.applications(count)
        gc.collect()
        redis_s, worker_s = await redis_cpu_s(client), time.process_time()
        await self.admit(applications)
        worker_s, redis_s = time.process_time() - worker_s, await redis_cpu_s(client) - redis_s
        return Cost(worker_s / count * 1e6, redis_s / count * 1e6)


def gate(name: str, plan: Mapping[str, Any], tenants: int, claims: RedisClaims) -> Gate:
    """As app/wiring.py puts it together."""
    registry = Registry([AgentSpec(AGENT, 1, lambda: make_agent(TERMS))])
    plans = Plans(Unheard())
    for number in range(tenants):
        tenant = f"{name}-{number}"
        plans.take(tenant.encode(), orjson.dumps({"tenant_id": tenant, **plan}))
    if len(plans) != tenants:
        raise BenchFailed(f"{tenants - len(plans)} of {tenants} plans cannot be read")
    runner = AgentRunner(registry, FixedAccess(make_model(TERMS), "bench-model"))
    terms = Tenancy(LimitOptions(), plans).terms
    known = Tenants(terms, Foresight(runner), lambda: datetime.now(UTC), CapsInForce(terms, runner))
    admission = Admission(claims, known, Unheard(), _nothing_to_rebuild, lambda _: OWNER, _not_ours)
    return Gate(name, tenants, admission, Intake(registry, PARTITIONS, LARGEST, LARGEST))


async def _nothing_to_rebuild(_: Sequence[int]) -> Collection[int]:
    raise BenchFailed("Redis lost what it was told")


async def _not_ours(_: Sequence[int]) -> None:
    raise BenchFailed("Redis took another for the owner")


async def redis_cpu_s(client: "redis.Redis") -> float:
    """What Redis' process has used so far."""
    told = await client.info("cpu")
    return float(told["used_cpu_user"]) + float(told["used_cpu_sys"])


def medians(costs: Sequence[Cost]) -> Cost:
    """Each by its own."""
    return Cost(median(one.worker_us for one in costs), median(one.redis_us for one in costs))


def growth(few: Sequence[Cost], many: Sequence[Cost]) -> float:
    """The median of the ratios of each round: neighbours in time shared the same noise."""
    return median(there.worker_us / here.worker_us for here, there in zip(few, many, strict=True))


def _gates(claims: RedisClaims, many: int) -> Iterator[Gate]:
    for name, plan in PLANS.items():
        for tenants in (FEW, many):
            yield gate(f"{name}-of-{tenants}", plan, tenants, claims)


async def measure(found: Servers, extent: Extent, report: Report) -> Figures:
    """Round after round, each kind in each."""
    client = connect_redis(found.redis_url)
    try:
        claims = RedisClaims(RedisBatch(client), "admission", DAYS)
        await claims.own(range(PARTITIONS), 1, OWNER)
        for partition in range(PARTITIONS):
            await claims.rebuilt(Shelf("responses", partition), 0, OWNER)
        gates = list(_gates(claims, extent.many))
        report.progress(f"{len(gates)} kinds of tenants, warmed up")
        for one in gates:
            await one.admit(one.applications(max(one.tenants, BATCH * 10)))
        gc.collect()
        gc.freeze()
        try:
            for number in range(extent.rounds):
                report.progress(f"round {number + 1} of {extent.rounds}")
                for one in gates:
                    one.costs.append(await one.measure(client, extent.claims))
        finally:
            gc.unfreeze()
    finally:
        await client.aclose()
    return _figures(gates, report)


def _figures(gates: Sequence[Gate], report: Report) -> Figures:
    for one in gates:
        middle = medians(one.costs)
        least, most = min(one.costs).worker_us, max(one.costs).worker_us
        report.say(
            f"{one.name}: {middle.worker_us:.0f} us of the worker's CPU for a claim "
            f"({least:.0f} to {most:.0f}), {middle.redis_us:.0f} us of Redis'"
        )
    few, many = gates[-2:]
    return {
        "admission_us": medians(many.costs).worker_us,
        "admission_growth": growth(few.costs, many.costs),
    }
