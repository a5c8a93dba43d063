"""What a tenant that floods costs the others of its partition, and how a full worker is shared.

One worker, one partition, ten tenants, the simulator at a fixed latency. First all ten have a backlog, and
what the worker does of it in a second is its capacity. Nine tenants then send half of their tenth of that,
alone and beside one that sends a hundred times as much; at last all have a backlog, with different weights.
"""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaProducer

from app.simulator import server
from app.simulator.options import SimulatorOptions
from benchmarks import plans
from benchmarks.answers import Answers, request_id
from benchmarks.figures import Figures, percentile
from benchmarks.lineup import TRANSACTIONAL
from benchmarks.report import Report
from benchmarks.servers import Servers
from benchmarks.staff import Staff
from benchmarks.terms import Terms
from benchmarks.worker_process import BenchFailed
from schemas.times import parse_at

SLOTS: Final = 100
HELD: Final = 2_000
FLOOD: Final = "flood"
VICTIMS: Final = tuple(f"victim-{number}" for number in range(9))
TENANTS: Final = (FLOOD, *VICTIMS)
WEIGHTS: Final = {FLOOD: 2.0} | {name: float(1 + number % 3) for number, name in enumerate(VICTIMS)}
OF_ITS_SHARE: Final = 0.5  # of a tenth of the capacity each victim sends
FLOOD_FACTOR: Final = 100
FLOOD_AHEAD_S: Final = 3.0
PATIENCE_S: Final = 60.0
PLAN_S: Final = 1.0  # until a plan that was written is in force
SESSION_TIMEOUT_S: Final = 10.0
WORSE, WORSE_MS = 1.2, 200.0


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is sent."""

    lasts_s: float = 20.0
    latency_ms: int = 200
    slots: int = SLOTS
    rate: float | None = None  # of each victim, per second; None: by the worker's capacity
    backlog: int = 3_000
    shared: int = 2_000  # runs over which shares are counted


@dataclass(slots=True)
class Noted:
    """What the answers say."""

    sent: dict[bytes, datetime] = field(default_factory=dict)
    waited_ms: list[float] = field(default_factory=list)
    tokens: list[tuple[str, int]] = field(default_factory=list)  # in order of the answers
    came_s: list[float] = field(default_factory=list)

    def note(self, record: Any) -> bytes:
        """One answer; returns whose it is."""
        found, told = request_id(record), orjson.loads(record.value)
        usage = told["usage"]
        self.tokens.append((told["tenant_id"], usage["input_tokens"] + usage["output_tokens"]))
        self.came_s.append(time.perf_counter())
        sent = self.sent.get(found)
        if sent is not None:
            self.waited_ms.append((parse_at(told["started_at"]) - sent).total_seconds() * 1000)
        return found


class Sender:
    """Writes requests, all to the one partition."""

    def __init__(self, terms: Terms, latency_ms: int, producer: AIOKafkaProducer) -> None:
        self._terms = terms
        self._producer = producer
        self._input = f"Where is my order? [[sim: latency_ms={latency_ms}]]"
        self.count = 0

    async def send(self, tenant: str) -> bytes:
        """One request; returns its id."""
        self.count += 1
        name = f"{tenant}-{self.count}"
        body = {"request_id": name, "tenant_id": tenant, "agent": "support", "input": self._input}
        await self._producer.send(self._terms.requests, orjson.dumps(body), tenant.encode(), partition=0)
        return name.encode()


@dataclass
class Flood:
    """One deployment."""

    extent: Extent
    report: Report
    answers: Answers
    noted: Noted
    sender: Sender

    async def capacity(self) -> float:
        """What the worker does in a second while all ten tenants have a backlog."""
        self.noted.came_s.clear()
        for number in range(self.extent.backlog):
            await self.sender.send(TENANTS[number % len(TENANTS)])
        await self.drain()
        found = steady_rate(self.noted.came_s)
        self.report.say(f"capacity: {found:.0f} requests/s with {self.extent.slots} slots")
        return found

    async def steady(self, rate: float) -> float:
        """The victims send; returns the 99th percentile of how long theirs waited to be started."""
        self.noted.sent.clear()
        self.noted.waited_ms.clear()
        began, count = time.perf_counter(), int(rate * self.extent.lasts_s)
        for number in range(count):
            for place, tenant in enumerate(VICTIMS):
                due = began + (number + place / len(VICTIMS)) / rate
                while (left := due - time.perf_counter()) > 0:
                    await self.answers.more(min(20, max(1, int(left * 1000))))
                at = datetime.now(UTC)
                self.noted.sent[await self.sender.send(tenant)] = at
        await self._until(lambda: len(self.noted.waited_ms) >= len(self.noted.sent))
        waited = self.noted.waited_ms
        self.report.say(f"queued p50 {percentile(waited, 50):.0f} ms, p99 {percentile(waited, 99):.0f} ms")
        return percentile(waited, 99)

    async def flooded(self, rate: float) -> float:
        """As before, beside a flood."""
        flood = asyncio.create_task(self._flood(rate * FLOOD_FACTOR))
        try:
            await asyncio.sleep(FLOOD_AHEAD_S)
            found = await self.steady(rate)
        finally:
            flood.cancel()
            await asyncio.wait({flood})
        if not flood.cancelled() and (error := flood.exception()) is not None:
            raise error
        self.report.progress(f"{self.sender.count - self.answers.count} of the flood are left")
        await self.drain()
        return found

    async def _flood(self, rate: float) -> None:
        began, sent = time.perf_counter(), 0
        while True:
            due = (time.perf_counter() - began) * rate
            while sent < due:
                await self.sender.send(FLOOD)
                sent += 1
            await asyncio.sleep(0.01)

    async def drain(self) -> None:
        """Until all is answered."""
        await self._until(lambda: self.answers.count >= self.sender.count)

    async def shares(self) -> float:
        """All have a backlog: Jain's index of their tokens by weight, as long as all have."""
        count, slots = self.extent.shared, self.extent.slots
        left = Counter(
            {tenant: int(count * 2 * weight / sum(WEIGHTS.values())) for tenant, weight in WEIGHTS.items()}
        )
        self.noted.tokens.clear()
        while left:
            for tenant in list(left):
                await self.sender.send(tenant)
                left[tenant] -= 1
            left += Counter()
        await self._until(lambda: len(self.noted.tokens) >= count + slots)
        found = jain(by_weight(self.noted.tokens[slots : slots + count], WEIGHTS))
        await self.drain()
        return found

    async def _until(self, done: Callable[[], bool]) -> None:
        moved = time.perf_counter()
        while not done():
            if await self.answers.more():
                moved = time.perf_counter()
            elif time.perf_counter() - moved > PATIENCE_S:
                raise BenchFailed(f"nothing happened for {PATIENCE_S:g} s")


def jain(shares: Sequence[float]) -> float:
    """1: all alike; 1/n: one has everything."""
    return sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares))


def by_weight(tokens: Sequence[tuple[str, int]], weights: Mapping[str, float]) -> list[float]:
    """What each used, divided by its weight; also of those that used nothing."""
    used: Counter[str] = Counter()
    for tenant, count in tokens:
        used[tenant] += count
    return [used[tenant] / weight for tenant, weight in weights.items()]


def steady_rate(came_s: Sequence[float]) -> float:
    """Answers per second without the first and the last tenth, in which the worker is not full."""
    tenth = len(came_s) // 10
    inner = came_s[tenth : len(came_s) - tenth]
    if len(inner) < 2 or inner[-1] <= inner[0]:
        raise BenchFailed("too few answers to tell a rate")
    return (len(inner) - 1) / (inner[-1] - inner[0])


def victim_rate(capacity: float) -> float:
    """Half of what each of ten tenants could have."""
    return capacity / len(TENANTS) * OF_ITS_SHARE


def bound_ms(unflooded_ms: float) -> float:
    """How long victims may wait beside a flood."""
    return unflooded_ms * WORSE + WORSE_MS


async def measure(found: Servers, extent: Extent, report: Report) -> Figures:
    """All of it, on one worker."""
    terms = replace(TRANSACTIONAL.terms(found, "flood"), partitions=1, in_flight=extent.slots)
    await TRANSACTIONAL.create_topics(terms)
    noted = Noted()
    answers = Answers(terms, noted.note)
    producer = AIOKafkaProducer(bootstrap_servers=terms.bootstrap, linger_ms=2)
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder:
        models = await server.start(SimulatorOptions(ledger=Path(folder) / "ledger.jsonl"))
        settings = {"PENSTOCK_MAX_IN_FLIGHT": str(extent.slots), "PENSTOCK_MAX_HELD": str(HELD)}
        staff = Staff(terms, models.base_url, Path(folder), SESSION_TIMEOUT_S, settings=settings)
        try:
            await producer.start()
            await answers.start()
            await staff.start("w-0")
            await staff.settled()
            sender = Sender(terms, extent.latency_ms, producer)
            return await _figures(terms, Flood(extent, report, answers, noted, sender))
        finally:
            await staff.end()
            await producer.stop()
            await answers.stop()
            await models.stop()


async def _figures(terms: Terms, flood: Flood) -> Figures:
    report, lasts_s = flood.report, flood.extent.lasts_s
    report.progress(f"{flood.extent.backlog} requests of ten tenants as a backlog")
    rate = victim_rate(await flood.capacity())
    if flood.extent.rate is not None:
        rate = flood.extent.rate
    report.progress(f"nine tenants, {rate:.1f}/s each, for {lasts_s:g} s")
    unflooded = await flood.steady(rate)
    report.progress(f"the same beside one that sends {rate * FLOOD_FACTOR:.0f}/s")
    flooded = await flood.flooded(rate)
    await plans.write(terms, ({"tenant_id": tenant, "weight": weight} for tenant, weight in WEIGHTS.items()))
    await asyncio.sleep(PLAN_S)
    report.progress("all ten have a backlog, by weights of 1 to 3")
    index = await flood.shares()
    return {"victim_p99_ms": flooded, "victim_p99_unflooded_ms": unflooded, "jain": index}
