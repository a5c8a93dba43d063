"""How late postponed requests are run, from `not_before` to the run's start, while many more are parked."""

import asyncio
import itertools
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.structs import TopicPartition

from benchmarks import topics, worker_process
from benchmarks.answers import Answers, request_id
from benchmarks.backlog import PATIENCE_S, reach
from benchmarks.lineup import Contestant
from benchmarks.requests import Request, make_requests, postponed
from benchmarks.terms import Terms
from benchmarks.worker_process import BenchFailed, WorkerProcess
from schemas.times import parse_at

TENANTS = 600
FAR = timedelta(days=1)
SEED = 20
LEAD_S = 3.0  # between the last one parked and the first one due
PARKED_PER_S = 400  # at least: how long the due ones are given to be parked
POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Due:
    """How much is parked, and how much of it becomes due."""

    parked: int
    rate: float  # per second, spaced as independent people would space them
    lasts_s: float = 30.0

    @property
    def count(self) -> int:
        """How many become due."""
        return int(self.rate * self.lasts_s)


@dataclass(slots=True)
class Punctuality:
    """Notes, of each answer, how late its run began."""

    due: dict[bytes, datetime] = field(default_factory=dict)
    late_ms: list[float] = field(default_factory=list)

    def note(self, record: Any) -> bytes:
        """One answer; returns whose it is."""
        found = request_id(record)
        if found in self.due:
            started = parse_at(orjson.loads(record.value)["started_at"])
            late_ms = (started - self.due[found]) / timedelta(milliseconds=1)
            if late_ms < 0:
                raise BenchFailed(f"request {found.decode()} was run {-late_ms:g} ms before it was due")
            self.late_ms.append(late_ms)
        return found


@dataclass(frozen=True, slots=True)
class Lateness:
    """Of all that became due."""

    late_ms: list[float]  # from due time to run start
    cpu_ms: float  # of the worker, for each: all of it, from the parked topic to the response


async def measure(contestant: Contestant, terms: Terms, plan: Due) -> Lateness:
    """One worker, which parks everything first."""
    noted = Punctuality()
    answers = Answers(terms, noted.note)
    await answers.start()
    try:
        async with worker_process.running(contestant.module, terms, await contestant.python()) as worker:
            requests = make_requests(TENANTS, terms.partitions)
            far = datetime.now(UTC) + FAR
            await _park(
                terms, worker, (postponed(one, far) for one in itertools.islice(requests, plan.parked))
            )
            first = datetime.now(UTC) + timedelta(seconds=LEAD_S + plan.count / PARKED_PER_S)
            due = list(fall_due(requests, plan, first))
            noted.due |= {request.request_id.encode(): at for request, at in due}
            await _park(terms, worker, (postponed(request, at) for request, at in due))
            if datetime.now(UTC) >= first:
                raise BenchFailed("what is to become due was not parked in time")
            await asyncio.sleep((first - datetime.now(UTC)).total_seconds())
            begin = worker.moment(0)
            end = await reach(answers, worker, plan.count)
    finally:
        await answers.stop()
    return Lateness(noted.late_ms, (end.cpu_s - begin.cpu_s) * 1000 / plan.count)


def fall_due(requests: Iterator[Request], plan: Due, first: datetime) -> Iterator[tuple[Request, datetime]]:
    """Each with its time. In no order: what was parked next to each other need not be due together."""
    gaps = random.Random(SEED)
    arrivals = itertools.accumulate(gaps.expovariate(plan.rate) for _ in range(plan.count))
    # As they will stand on the wire, which knows milliseconds.
    times = [first + timedelta(milliseconds=int(arrival * 1000)) for arrival in arrivals]
    gaps.shuffle(times)
    return zip(
        requests, (at.replace(microsecond=at.microsecond // 1000 * 1000) for at in times), strict=False
    )


async def _park(terms: Terms, worker: WorkerProcess, requests: Iterator[Request]) -> None:
    """Write these and wait until none of them holds its offset."""
    await topics.write(terms, requests)
    least, moved_s = None, time.perf_counter()
    while left := await held(terms):
        worker.require_running()
        if least is None or left < least:
            least, moved_s = left, time.perf_counter()
        elif time.perf_counter() - moved_s > PATIENCE_S:
            raise BenchFailed(f"{left} requests are not parked, and nothing happened for {PATIENCE_S:g} s")
        await asyncio.sleep(POLL_S)


async def held(terms: Terms) -> int:
    """How many records of the requests' topic are not released."""
    places = [TopicPartition(terms.requests, number) for number in range(terms.partitions)]
    async with AIOKafkaConsumer(bootstrap_servers=terms.bootstrap) as reader:
        ends = await reader.end_offsets(places)
    admin = AIOKafkaAdminClient(bootstrap_servers=terms.bootstrap)
    await admin.start()
    try:
        released = await admin.list_consumer_group_offsets(terms.name, partitions=places)
    except GroupCoordinatorNotAvailableError:  # the broker has had no group yet
        return sum(ends.values())
    finally:
        await admin.close()
    return sum(ends[place] - max(0, released[place].offset) for place in places)
