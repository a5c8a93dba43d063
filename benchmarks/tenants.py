"""`make bench-tenants`: what a tenant that floods costs the others of its partition.

One worker, one partition, ten tenants, the simulator at a fixed latency. Nine tenants send at a steady rate,
first alone, then beside one that sends a hundred times as much; then all ten have a backlog, with
different weights. The last line of output is JSON.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer

from app import lifetime
from app.simulator import server
from app.simulator.options import SimulatorOptions
from benchmarks import durability, servers
from benchmarks.answers import Answers, request_id
from benchmarks.figures import Figures, Goal, percentile
from benchmarks.lineup import TRANSACTIONAL
from benchmarks.report import Report
from benchmarks.servers import Servers
from benchmarks.staff import Staff
from benchmarks.terms import Terms
from benchmarks.worker_process import FAILURES, BenchFailed
from schemas.times import parse_at

SLOTS = 100
HELD = 2_000
FLOOD = "flood"
VICTIMS = tuple(f"victim-{number}" for number in range(9))
WEIGHTS = {FLOOD: 2.0} | {name: float(1 + number % 3) for number, name in enumerate(VICTIMS)}
FLOOD_FACTOR = 100
FLOOD_AHEAD_S = 3.0
PATIENCE_S = 60.0
JAIN_RUNS = 2_000
GOALS = (
    Goal("victim_p99_ms"),
    Goal("victim_p99_unflooded_ms"),
    Goal("jain", ">=", 0.98),
)


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is sent."""

    rate: float  # of each victim, per second
    lasts_s: float
    latency_ms: int
    slots: int = SLOTS


@dataclass(slots=True)
class Noted:
    """What the answers say."""

    sent: dict[bytes, datetime] = field(default_factory=dict)
    waited_ms: list[float] = field(default_factory=list)
    tokens: list[tuple[str, int]] = field(default_factory=list)  # in order of the answers

    def note(self, record: Any) -> bytes:
        """One answer; returns whose it is."""
        found, told = request_id(record), orjson.loads(record.value)
        usage = told["usage"]
        self.tokens.append((told["tenant_id"], usage["input_tokens"] + usage["output_tokens"]))
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
class Bench:
    """One deployment."""

    terms: Terms
    extent: Extent
    report: Report
    answers: Answers
    noted: Noted
    sender: Sender

    async def steady(self) -> float:
        """The victims send; returns the 99th percentile of how long theirs waited to be started."""
        self.noted.sent.clear()
        self.noted.waited_ms.clear()
        began, count = time.perf_counter(), int(self.extent.rate * self.extent.lasts_s)
        for number in range(count):
            for place, tenant in enumerate(VICTIMS):
                due = began + (number + place / len(VICTIMS)) / self.extent.rate
                while (left := due - time.perf_counter()) > 0:
                    await self.answers.more(min(20, max(1, int(left * 1000))))
                at = datetime.now(UTC)
                self.noted.sent[await self.sender.send(tenant)] = at
        await self._until(lambda: len(self.noted.waited_ms) >= len(self.noted.sent))
        waited = self.noted.waited_ms
        self.report.say(f"queued p50 {percentile(waited, 50):.0f} ms, p99 {percentile(waited, 99):.0f} ms")
        return percentile(waited, 99)

    async def flooded(self) -> float:
        """As before, beside a flood."""
        async with asyncio.TaskGroup() as group:
            flood = group.create_task(self._flood())
            await asyncio.sleep(FLOOD_AHEAD_S)
            found = await self.steady()
            flood.cancel()
        self.report.progress(f"{self.sender.count - self.answers.count} of the flood are left")
        await self.drain()
        return found

    async def _flood(self) -> None:
        began, sent = time.perf_counter(), 0
        while True:
            due = (time.perf_counter() - began) * self.extent.rate * FLOOD_FACTOR
            while sent < due:
                await self.sender.send(FLOOD)
                sent += 1
            await asyncio.sleep(0.01)

    async def drain(self) -> None:
        """Until all is answered."""
        await self._until(lambda: self.answers.count >= self.sender.count)

    async def shares(self) -> float:
        """All have a backlog: Jain's index of their tokens by weight, as long as all have."""
        each = {
            tenant: int(JAIN_RUNS * 2 * weight / sum(WEIGHTS.values())) for tenant, weight in WEIGHTS.items()
        }
        self.noted.tokens.clear()
        left = Counter(each)
        while left:
            for tenant in list(left):
                await self.sender.send(tenant)
                left[tenant] -= 1
                left += Counter()
        await self._until(lambda: len(self.noted.tokens) >= JAIN_RUNS + SLOTS)
        used: Counter[str] = Counter()
        for tenant, tokens in self.noted.tokens[SLOTS : SLOTS + JAIN_RUNS]:
            used[tenant] += tokens
        found = jain([used[tenant] / weight for tenant, weight in WEIGHTS.items()])
        await self.drain()
        return found

    async def _until(self, done: Any) -> None:
        moved = time.perf_counter()
        while not done():
            if await self.answers.more():
                moved = time.perf_counter()
            elif time.perf_counter() - moved > PATIENCE_S:
                raise BenchFailed(f"nothing happened for {PATIENCE_S:g} s")


def jain(shares: Sequence[float]) -> float:
    """1: all alike; 1/n: one has everything."""
    return sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares))


def plans(weights: Mapping[str, float]) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values for the tenants' topic."""
    for tenant, weight in weights.items():
        yield tenant.encode(), orjson.dumps({"tenant_id": tenant, "weight": weight})


async def measure(found: Servers, extent: Extent, report: Report) -> Figures:
    """All of it, on one worker."""
    terms = replace(TRANSACTIONAL.terms(found, "tenants"), partitions=1, in_flight=extent.slots)
    await TRANSACTIONAL.create_topics(terms)
    noted = Noted()
    answers = Answers(terms, noted.note)
    producer = AIOKafkaProducer(bootstrap_servers=terms.bootstrap, linger_ms=2)
    await producer.start()
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder:
        models = await server.start(SimulatorOptions(ledger=Path(folder) / "ledger.jsonl"))
        settings = {"PENSTOCK_MAX_IN_FLIGHT": str(extent.slots), "PENSTOCK_MAX_HELD": str(HELD)}
        staff = Staff(terms, models.base_url, Path(folder), 10.0, settings=settings)
        try:
            await answers.start()
            await staff.start("w-0")
            await staff.settled()
            bench = Bench(terms, extent, report, answers, noted, Sender(terms, extent.latency_ms, producer))
            report.progress(f"nine tenants, {extent.rate:g}/s each, for {extent.lasts_s:g} s")
            await bench.steady()  # the first ones are slow
            unflooded = await bench.steady()
            report.progress(f"the same beside one that sends {extent.rate * FLOOD_FACTOR:g}/s")
            flooded = await bench.flooded()
            for key, value in plans(WEIGHTS):
                await producer.send_and_wait(f"{terms.name}.tenants", value, key, partition=0)
            await asyncio.sleep(1)
            report.progress("all ten have a backlog, by weights of 1 to 3")
            index = await bench.shares()
        finally:
            await staff.end()
            await producer.stop()
            await answers.stop()
            await models.stop()
    bound = unflooded * 1.2 + 200
    report.say(f"flooded p99 {flooded:.0f} ms; a fifth and 200 ms more than unflooded are {bound:.0f} ms")
    return {"victim_p99_ms": flooded, "victim_p99_unflooded_ms": unflooded, "jain": index}


async def main(extent: Extent) -> int:
    """Exits 1 when a figure could not be taken; one that misses its goal is said to."""
    report, figures, failed = Report(), Figures(), False
    with servers.running() as found:
        report.machine(found.versions)
        await durability.require_durable(found.redis_url)
        try:
            figures |= await measure(found, extent, report)
        except FAILURES as error:
            failed = True
            report.failed("tenants", str(error) or type(error).__name__)
        report.load()
    report.verdicts(figures, GOALS)
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--rate", type=float, default=25.0, help="requests of each of nine tenants, per second"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="how long they send")
    parser.add_argument("--latency-ms", type=int, default=200, help="of the model")
    parser.add_argument("--slots", type=int, default=SLOTS, help="runs at once in the worker")
    return parser.parse_args()


if __name__ == "__main__":
    asked = _arguments()
    size = Extent(asked.rate, asked.seconds, asked.latency_ms, asked.slots)
    sys.exit(lifetime.run(lambda: main(size)))
