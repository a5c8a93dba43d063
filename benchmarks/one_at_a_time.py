"""How long one request takes when it is alone: the next is sent once the last one's answer is here.

Beside it: an empty transaction on the same broker, which no durable answer can be faster than by much.
"""

import gc
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from aiokafka import AIOKafkaProducer

from app.adapters.fenced_producer import FencedProducer
from benchmarks import worker_process
from benchmarks.answers import Answers
from benchmarks.backlog import PATIENCE_S, reach
from benchmarks.figures import Latency, percentile
from benchmarks.lineup import Contestant
from benchmarks.requests import Request, make_requests
from benchmarks.terms import Terms
from benchmarks.worker_process import BenchFailed, WorkerProcess

POLL_MS = 5
TENANTS = 60
WARM_UP = 30

Clock = Callable[[], float]


async def measure(contestant: Contestant, terms: Terms, count: int) -> Latency:
    """So many requests through Kafka, each from its producer's send to the reader's receipt."""
    answers = Answers(terms, contestant.identify, fetch_max_wait_ms=POLL_MS)
    producer = AIOKafkaProducer(bootstrap_servers=terms.bootstrap, linger_ms=0, acks="all")
    await answers.start()
    await producer.start()
    try:
        async with worker_process.running(contestant.module, terms, await contestant.python()) as worker:
            await contestant.produce(terms, 1, 1)
            await reach(answers, worker, 1)
            requests = make_requests(TENANTS, terms.partitions)

            async def one() -> None:
                request = next(requests)
                await _send(producer, terms.requests, request)
                await _receipt(answers, worker, request)

            with undisturbed():
                return await alone(one, count)
    finally:
        await producer.stop()
        await answers.stop()


async def _send(producer: AIOKafkaProducer, topic: str, request: Request) -> None:
    await producer.send(topic, request.value, key=request.key, partition=request.partition)


async def _receipt(answers: Answers, worker: WorkerProcess, request: Request) -> None:
    sent_s, wanted = time.perf_counter(), request.request_id.encode()
    while wanted not in await answers.more(POLL_MS):
        worker.require_running()
        if time.perf_counter() - sent_s > PATIENCE_S:
            raise BenchFailed(f"nothing happened for {PATIENCE_S:g} s")


async def measure_transactions(terms: Terms, count: int) -> Latency:
    """Begin, one record, commit: by the producer that the worker has, too."""
    producer = FencedProducer(
        bootstrap_servers=terms.bootstrap, transactional_id=f"{terms.name}-empty", linger_ms=0, acks="all"
    )
    await producer.start()
    places = itertools.cycle(range(terms.partitions))

    async def one() -> None:
        async with producer.transaction():
            await producer.send_and_wait(f"{terms.name}.empty", b"{}", partition=next(places))

    try:
        with undisturbed():
            return await alone(one, count)
    finally:
        await producer.stop()


async def alone(one: Callable[[], Awaitable[None]], count: int, now: Clock = time.perf_counter) -> Latency:
    """One after the other; the first few, which meet cold caches, do not count."""
    for _ in range(WARM_UP):
        await one()
    took_s = []
    for _ in range(count):
        began = now()
        await one()
        took_s.append(now() - began)
    return latency_of(took_s)


def latency_of(took_s: Sequence[float]) -> Latency:
    """Of requests that followed each other: their number by their time is the rate."""
    took_ms = [one * 1000 for one in took_s]
    return Latency(len(took_s) / sum(took_s), percentile(took_ms, 50), percentile(took_ms, 99), len(took_s))


@contextmanager
def undisturbed() -> Iterator[None]:
    """Without collections of garbage: our own pauses would be taken for theirs."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
