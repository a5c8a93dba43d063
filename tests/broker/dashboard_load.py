"""A load of which every number is known, run on a real worker while a real Prometheus watches."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil

from app.adapters.clock import SystemClock
from app.brokers.redis import RedisServer
from schemas.partitions import partition_for
from schemas.times import format_at
from streams.options import KafkaOptions
from tests.broker import servers
from tests.broker.deployment import Deployment, Sent, request
from tests.broker.prometheus_server import PrometheusServer

PARTITIONS = 4
PER_MINUTE = 30
MAX_IN_FLIGHT = 50
AGE_S = 8
WAIT_S = 8  # of what is not to run yet: it must be ahead when the worker reads it, on a busy machine too
SLOW_S = 31  # past the warning threshold of the agents, 30 s
UNPRICED = "a-model-without-a-price"
CAPPED, CAP = "gpt-5.4-mini", 200
CANARY = "canary-4711"
WARM = "warm-"
WARM_CALLS = 1
PAUSED = b"hooli"
AUDITS = 2  # of pausing and resuming it
BOUNDED = b"umbrella"
RUNS_ALLOWED = 4  # of which it uses three

Document = dict[str, Any]


@dataclass
class Load:
    """What was done, as the topics and the simulator's ledger tell it, and when Prometheus saw it."""

    prometheus: PrometheusServer
    books: str  # where they serve their pages
    begin: float = 0.0  # times of scrapes: before the load,
    paused: float = 0.0  # while a tenant was paused,
    away: float = 0.0  # while Redis was away,
    busy: float = 0.0  # while runs were under way,
    end: float = 0.0  # and after it
    responses: list[Document] = field(default_factory=list)
    dead_letters: list[Document] = field(default_factory=list)
    usage: list[Document] = field(default_factory=list)
    calls: list[Document] = field(default_factory=list)
    audits: list[Document] = field(default_factory=list)
    parked: Counter[str] = field(default_factory=Counter)  # by reason
    plans_passed_over: Counter[str] = field(default_factory=Counter)  # by code
    booked: int = 0  # responses and paid calls, with those before the load
    streams: int = 0
    duplicates: int = 0
    conflicts: int = 0
    busy_sent: float = 0.0
    busy_by_partition: Counter[str] = field(default_factory=Counter)
    running: int = 0
    waiting: int = 0
    cpu_s: float = 0.0
    rss: int = 0
    files: float = 0.0
    health_while_away: tuple[int, int] = (0, 0)
    log: str = ""

    @property
    def range_ms(self) -> int:
        """From just before the first scrape to the last: one range that holds the whole load."""
        return round((self.end - self.begin) * 1000) + 1

    @property
    def runs(self) -> list[Document]:
        """Responses of requests whose run was started."""
        return [response for response in self.responses if response.get("started_at")]

    def cost(self, model: str) -> float:
        """What calls of a model cost in USD."""
        return float(sum(Decimal(one["cost_usd"]) for one in self.usage if one["model"] == model))


def sim(words: str, text: str = "hello") -> str:
    """An input that steers the simulator."""
    return f"{CANARY} {text} [[sim: {words}]]"


def run_load(kafka: KafkaOptions, folder: Path) -> tuple[Load, Callable[[], None]]:
    """Do it all; Prometheus runs until the second value is called."""
    servers.require_redis()
    with ExitStack() as until_failure:
        redis = servers.redis_node(folder / "redis")
        until_failure.callback(redis.stop)
        settings = {
            "PENSTOCK_MAX_IN_FLIGHT": str(MAX_IN_FLIGHT),
            "PENSTOCK_REQUESTS_PER_MINUTE": str(PER_MINUTE),
            "PENSTOCK_LOG_LEVEL": "debug",
            "PENSTOCK_MODEL_CONCURRENCY": f"{CAPPED}={CAP}",
        }
        deployment = Deployment(kafka, redis.start().url, folder, settings)
        until_failure.enter_context(deployment)
        books = deployment.keep_books()
        worker = deployment.url.removeprefix("http://")
        prometheus = PrometheusServer(folder / "prometheus", penstock=worker, books=books)
        until_failure.callback(prometheus.stop)
        load = asyncio.run(_drive(deployment, redis, Load(prometheus, f"http://{books}")))
        until_failure.pop_all()

    def stop() -> None:
        prometheus.stop()
        deployment.__exit__()
        redis.stop()

    return load, stop


async def _drive(deployment: Deployment, redis: RedisServer, load: Load) -> Load:
    process = psutil.Process(deployment.worker.pid)
    answers = Answers(deployment)
    warm_up = [request("acme", f"{WARM}{model}", sim('text="x"'), model=model) for model in (UNPRICED,)]
    await answers.after(warm_up, responses=1)
    quota = {"tenant_id": BOUNDED.decode(), "quota": {"runs": RUNS_ALLOWED}}
    await deployment.send([Sent(BOUNDED, json.dumps(quota).encode())], to="tenants")
    await _until(deployment, lambda metrics: metrics["penstock_plans"] == 1)
    # Readers see an outcome before the worker, which has to hear from Kafka first, counts it.
    await _until(deployment, lambda metrics: metrics["penstock_records_held"] == 0)
    load.begin = load.prometheus.next_scrape(time.time())
    cpu_before = sum(process.cpu_times()[:2])

    await answers.after(_mixture(load), responses=len(_mixture(load)) - 4, dead_letters=1 + 4)
    await _again(deployment, answers, load)
    await _aside(deployment, answers, load)
    await _paused(deployment, answers, load)
    await _without_redis(deployment, redis, answers, load)
    await _under_way(deployment, answers, load)

    load.responses = [one for one in answers.responses if not one["request_id"].startswith(WARM)]
    load.dead_letters = answers.dead_letters
    load.usage = [
        one
        for one in await deployment.read("usage", lambda found: len(found) >= _billed(deployment))
        if not one["request_id"].startswith(WARM)
    ]
    audits = await deployment.read("audit", lambda found: len(found) >= AUDITS + 1)
    load.audits = [one for one in audits if one["action"] != "quota"]  # which the books write
    load.calls = [one for one in deployment.ledger if WARM not in one["call_id"]]
    await _until(deployment, lambda metrics: metrics["penstock_records_held"] == 0)
    await _until(deployment, lambda metrics: metrics["penstock_consumer_lag"] == 0)
    load.booked = len(answers.responses) + len(load.usage) + WARM_CALLS
    await _until_booked(deployment, load)
    await asyncio.to_thread(load.prometheus.next_scrape, time.time(), job="books")
    load.end = load.prometheus.next_scrape(time.time())
    load.cpu_s = sum(process.cpu_times()[:2]) - cpu_before
    load.rss = process.memory_info().rss
    load.files = process.num_fds() / process.rlimit(psutil.RLIMIT_NOFILE)[0]
    load.log = deployment.log
    return load


class Answers:
    """Sends and waits for what must come of it."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self.responses: list[Document] = []
        self.dead_letters: list[Document] = []

    async def after(self, records: Sequence[Sent], responses: int, dead_letters: int = 0) -> None:
        """Send, and wait until there are so many more responses and dead letters."""
        wanted = len(self.responses) + responses, len(self.dead_letters) + dead_letters
        await self._deployment.send(records)
        self.responses = await self._deployment.read("responses", lambda found: len(found) >= wanted[0], 90)
        self.dead_letters = await self._deployment.read("deadletter", lambda found: len(found) >= wanted[1])


def _mixture(load: Load) -> list[Sent]:
    """Requests of every kind; the last four cannot be decoded."""
    load.streams = 3
    wrong = (partition_for(b"initech", PARTITIONS) + 1) % PARTITIONS
    misplaced = request("initech", "misplaced")
    return [
        *(request("acme", f"plain-{n}", sim(f"latency_ms={40 * n}")) for n in range(12)),
        *(
            request("acme", f"stream-{n}", sim("deltas=4 chunk_ms=5"), stream=True)
            for n in range(load.streams)
        ),
        *(request("initech", f"research-{n}", sim('text="found"'), agent="research") for n in range(5)),
        *(request("globex", f"flood-{n}", sim('text="x"')) for n in range(PER_MINUTE + 7)),
        *(request("initech", f"turn-{n}", sim('text="x"'), session_id="s") for n in range(3)),
        request("initech", "unpriced", sim('text="x"'), model=UNPRICED),
        request("initech", "rejected-by-model", sim("fail=400*9")),
        request("initech", "no-agent", agent="nobody"),
        request("initech", "no-agent-either", agent="support@99"),
        request("initech", "bad-field", priority="whenever"),
        request("initech", "late", deadline="2020-01-01T00:00:00.000Z"),
        Sent(b"initech", b"not json"),
        Sent(b"initech", b"[]"),
        Sent(b"somebody else", misplaced.value),
        Sent(misplaced.key, misplaced.value, wrong),
    ]


async def _again(deployment: Deployment, answers: Answers, load: Load) -> None:
    """The same requests again, and one id with another body."""
    load.duplicates, load.conflicts = 4, 1
    again = [request("acme", f"plain-{n}", sim(f"latency_ms={40 * n}")) for n in range(load.duplicates)]
    await answers.after([*again, request("acme", "plain-0", "something else")], 0, dead_letters=1)
    await _until(deployment, lambda metrics: metrics["penstock_duplicates_total"] == 5)


async def _aside(deployment: Deployment, answers: Answers, load: Load) -> None:
    """What is not to run yet, and what waits for a window (globex' is full) longer than it may."""
    soon = format_at(SystemClock.at() + timedelta(seconds=WAIT_S))
    ahead = [request("umbrella", f"ahead-{n}", sim('text="x"'), not_before=soon) for n in range(3)]
    waits = request("globex", "in-vain", sim('text="x"'), over_limit="wait", deadline=soon)
    load.parked.update(not_before=len(ahead), window=1)
    await answers.after([*ahead, waits], responses=len(ahead) + 1)


async def _paused(deployment: Deployment, answers: Answers, load: Load) -> None:
    """A tenant is paused, is sent requests, and goes on; a record of a plan that is none changes nothing."""
    await deployment.send([Sent(PAUSED, b"not json")], to="tenants")
    load.plans_passed_over["undecodable"] += 1
    await _command(deployment, "pause")
    await _until(deployment, lambda metrics: metrics["penstock_plans_paused"] == 1)
    patient = [request(PAUSED.decode(), f"paused-{n}", sim('text="x"')) for n in range(2)]
    load.parked["paused"] += len(patient)
    await deployment.send(patient)
    parked = load.parked.total()
    await _until(deployment, lambda metrics: metrics["penstock_requests_parked_total"] == parked)
    load.paused = await asyncio.to_thread(load.prometheus.next_scrape, time.time())
    await _command(deployment, "resume")
    await answers.after([], responses=len(patient))


async def _command(deployment: Deployment, command: str) -> None:
    await deployment.send([Sent(PAUSED, json.dumps({"command": command}).encode())], to="control")


async def _without_redis(deployment: Deployment, redis: RedisServer, answers: Answers, load: Load) -> None:
    # Readers see outcomes before the worker has them remembered: that would wait for Redis, too.
    await _until(deployment, lambda metrics: metrics["penstock_records_held"] == 0)
    redis.kill()
    waiting = [request("initech", f"patient-{n}", sim('text="x"')) for n in range(3)]
    await deployment.send(waiting)
    await _until(deployment, lambda metrics: metrics["penstock_store_away"] == 1)
    load.away = await asyncio.to_thread(load.prometheus.next_scrape, time.time())
    load.health_while_away = deployment.get("/readyz")[0], deployment.get("/healthz")[0]
    redis.start()
    await answers.after([], responses=len(waiting))


async def _under_way(deployment: Deployment, answers: Answers, load: Load) -> None:
    slow = [request(f"slow-{n}", "one", sim(f"latency_ms={SLOW_S * 1000}")) for n in range(4)]
    session = [request("talk", f"{n}", sim("latency_ms=50"), session_id="s") for n in range(1, 3)]
    first = request("talk", "0", sim(f"latency_ms={SLOW_S * 1000}"), session_id="s")
    records = [*slow, first, *session]
    load.running, load.waiting = len(slow) + 1, len(session)
    load.busy_by_partition.update(str(partition_for(record.key, PARTITIONS)) for record in records)
    load.busy_sent = time.time()
    answered = asyncio.create_task(answers.after(records, responses=len(records)))
    await _until(deployment, lambda metrics: metrics["penstock_consumer_lag"] == len(records))
    await _until(deployment, lambda metrics: metrics["penstock_lanes_waiting"] == load.waiting)
    await asyncio.sleep(AGE_S)  # so that the age of the oldest is a number to go by
    load.busy = await asyncio.to_thread(load.prometheus.next_scrape, time.time())
    await answered


async def _until(deployment: Deployment, true: Callable[[Counter[str]], bool], within_s: float = 20) -> None:
    """Wait until the worker's own metrics, summed up by name, say so."""
    until = time.monotonic() + within_s
    while not true(metrics := totals((await asyncio.to_thread(deployment.get, "/metrics"))[1])):
        assert time.monotonic() < until, metrics
        await asyncio.sleep(0.1)


async def _until_booked(deployment: Deployment, load: Load, within_s: float = 30) -> None:
    """Wait until the books have counted all of it."""
    until = time.monotonic() + within_s
    while True:
        found = totals((await asyncio.to_thread(deployment.get, "/metrics", load.books))[1])
        if found["penstock_books_entries_total"] >= load.booked and found["penstock_drift_compared_total"]:
            return
        assert time.monotonic() < until, found
        await asyncio.sleep(0.1)


def totals(text: str) -> Counter[str]:
    """The sum of each metric over its labels, from what /metrics serves."""
    found: Counter[str] = Counter()
    for name, value in re.findall(r"^([a-z_]+)(?:\{[^}]*\})? (\S+)$", text, re.MULTILINE):
        found[name] += float(value)  # type: ignore[assignment]  # a Counter counts floats, too
    return found


def _billed(deployment: Deployment) -> int:
    return sum(call["billed"] for call in deployment.ledger)
