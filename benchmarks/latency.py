"""How long a request takes from its producer to the reader of its answer, under a steady load.

Open loop: requests come when they come, whether or not the earlier ones are answered.
"""

import asyncio
import gc
import itertools
import random
import time
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from benchmarks import worker_process
from benchmarks.answers import Answers
from benchmarks.backlog import PATIENCE_S, reach
from benchmarks.figures import Latency, percentile
from benchmarks.lineup import Contestant
from benchmarks.requests import make_requests
from benchmarks.terms import Terms
from benchmarks.worker_process import BenchFailed, WorkerProcess

POLL_MS = 5
SETTLE_S = 2.0  # of arrivals at the same rate before the first that counts
TENANTS = 60
SEED = 20


async def measure(contestant: Contestant, terms: Terms, rate: float, arrivals: int) -> Latency:
    """One contestant at one rate of arrivals, which are spaced as independent users would space them."""
    answers = Answers(terms, contestant.identify, fetch_max_wait_ms=POLL_MS)
    producer = AIOKafkaProducer(bootstrap_servers=terms.bootstrap, linger_ms=0, acks="all")
    await answers.start()
    await producer.start()
    gc.collect()
    gc.disable()  # our own pauses would be taken for theirs
    try:
        async with worker_process.running(contestant.module, terms, await contestant.python()) as worker:
            await contestant.produce(terms, 1, 1)
            await reach(answers, worker, 1)
            return await _drive(_Drive(producer, answers, worker, terms, rate), arrivals)
    finally:
        gc.enable()
        await producer.stop()
        await answers.stop()


@dataclass(frozen=True, slots=True)
class _Drive:
    producer: AIOKafkaProducer
    answers: Answers
    worker: WorkerProcess
    terms: Terms
    rate: float


async def _drive(drive: _Drive, arrivals: int) -> Latency:
    sent: dict[bytes, float] = {}
    skipped = int(drive.rate * SETTLE_S)
    arriving = asyncio.create_task(_arrive(drive, skipped + arrivals, sent))
    taken: list[tuple[float, float]] = []
    moved_s = time.perf_counter()
    while len(taken) < skipped + arrivals:
        drive.worker.require_running()
        answered = await drive.answers.more(POLL_MS)
        now = time.perf_counter()
        taken += [(sent[request_id], now - sent[request_id]) for request_id in answered]
        if answered:
            moved_s = now
        elif now - moved_s > PATIENCE_S:
            raise BenchFailed(f"nothing happened for {PATIENCE_S:g} s")
    await arriving
    taken.sort()
    steady_ms = [took * 1000 for _, took in taken[skipped:]]
    return Latency(drive.rate, percentile(steady_ms, 50), percentile(steady_ms, 99), len(steady_ms))


async def _arrive(drive: _Drive, count: int, sent: dict[bytes, float]) -> None:
    gaps = random.Random(SEED)
    due = time.perf_counter()
    acknowledged = []
    for request in itertools.islice(make_requests(TENANTS, drive.terms.partitions), count):
        due += gaps.expovariate(drive.rate)
        if (wait_s := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait_s)
        sent[request.request_id.encode()] = time.perf_counter()
        acknowledged.append(
            await drive.producer.send(
                drive.terms.requests, request.value, key=request.key, partition=request.partition
            )
        )
    await asyncio.gather(*acknowledged)
