"""How long books are away that keep a hundred thousand tenants, and what workers notice of it.

The changelog holds one value for each tenant: a month with a quota, and a window or two. The books are
started, as a process, and work again when they say that they are kept and the changelog tells of a response
that was written after they were started. A worker answers requests all the time.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count, pairwise
from pathlib import Path
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from app.simulator import server
from app.simulator.options import SimulatorOptions
from benchmarks import plans, topics
from benchmarks.answers import Answers, request_id
from benchmarks.figures import Figures
from benchmarks.lineup import TRANSACTIONAL
from benchmarks.report import Report
from benchmarks.servers import Servers
from benchmarks.staff import Colleague, Staff
from benchmarks.terms import Terms
from benchmarks.worker_process import BenchFailed
from schemas.partitions import partition_for
from schemas.tenants import Quota
from streams.book_values import is_mark, pack
from streams.books import WINDOW_MS, Source, Tally, TenantBook, window_of
from streams.policy.histograms import Histogram
from streams.policy.quotas import Entry, QuotaState, Used, opened
from streams.policy.quotas import count as enter
from streams.tables import SLIDING_BUCKET_MS, WINDOWS

SESSION_TIMEOUT_S: Final = 10.0
RATE: Final = 20.0  # requests per second, all the time
BEFORE_S: Final = 5.0
PATIENCE_S: Final = 600.0
ANSWERED_S: Final = 60.0
KEPT: Final = "the books are kept"
FRESH: Final = "fresh"  # the tenant whose requests begin when the books are started
LIVE: Final = tuple(f"live-{number}" for number in range(20))
QUOTA: Final = {"runs": 100_000, "tokens": 50_000_000, "cost_usd": "500"}
QUESTION: Final = "Where is my order? [[sim: latency_ms=0]]"


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is kept."""

    tenants: int = 100_000


def book_of(number: int, now: datetime, partitions: int) -> TenantBook:
    """Of a tenant that was busy until a moment ago: every other one in two windows."""
    tenant, now_ms = f"kept-{number}", int(now.timestamp() * 1000)
    book = TenantBook(tenant, partition_for(tenant.encode(), partitions), dict.fromkeys(Source, 0))
    for window in range(1 + number % 2):
        book.windows[window_of(now_ms) - window * WINDOW_MS, "support"] = _tally(number + window)
    bucket = now_ms // SLIDING_BUCKET_MS
    book.admitted = {bucket - back: 1 + number % 3 for back in range(number % 5)}
    book.month = _month(number, now)
    return book


def _tally(number: int) -> Tally:
    queued, ran = Histogram(), Histogram()
    for place in range(5):
        queued.add(10 + (number * 7 + place) % 90)
        ran.add(500 + (number * 31 + place * 211) % 3000)
    return Tally([5, 0, 0, 0, 0], queued, ran, 0, 2_000 + number % 500, Decimal("0.0125"))


def _month(number: int, now: datetime) -> QuotaState:
    quota = Quota.model_validate(QUOTA)
    used = Used(40 + number % 100, 20_000 + number % 9_000, Decimal(100 + number % 70) / 1000)
    state, _ = enter(opened(quota, now, 0), quota, Entry("", now, used), now)
    return state


def longest_pause_s(came_s: Sequence[float], since_s: float, until_s: float) -> float:
    """The longest time without an answer between these two moments."""
    inside = [at for at in came_s if since_s < at < until_s]
    return max(after - before for before, after in pairwise([since_s, *inside, until_s]))


@dataclass
class Stream:
    """The requests that are sent and answered all the time."""

    terms: Terms
    answers: Answers
    producer: AIOKafkaProducer
    tenants: tuple[str, ...] = LIVE
    came_s: list[float] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    async def send(self) -> None:
        """A tenth of a second's, ten times a second, until it is cancelled."""
        began_s = time.perf_counter()
        for tick in count(1):
            for _ in range(round(RATE / 10)):
                one = self._request()
                await self.producer.send(self.terms.requests, one.value, one.key, partition=one.partition)
            await asyncio.sleep(max(0.0, began_s + tick / 10 - time.perf_counter()))

    def _request(self) -> topics.Record:
        number = next(self._numbers)
        tenant = self.tenants[number % len(self.tenants)]
        name = f"{tenant}-{number}"
        body = {"request_id": name, "tenant_id": tenant, "agent": "support", "input": QUESTION}
        return topics.record(self.terms, tenant, orjson.dumps(body))

    async def read(self) -> None:
        """Note when answers come, until it is cancelled."""
        while True:
            self.came_s += [time.perf_counter()] * len(await self.answers.more())

    async def answered(self, more: int) -> None:
        """Wait for so many answers more."""
        enough = len(self.came_s) + more
        try:
            async with asyncio.timeout(ANSWERED_S):
                while len(self.came_s) < enough:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise BenchFailed(f"the worker did not answer within {ANSWERED_S:g} s") from None


class Counted:
    """Watches the changelog for what the books counted."""

    def __init__(self, terms: Terms) -> None:
        name = WINDOWS.changelog.full_name(f"{terms.name}.", terms.name)
        self._places: Final = [TopicPartition(name, number) for number in range(terms.partitions)]
        self._reader: Final = AIOKafkaConsumer(
            bootstrap_servers=terms.bootstrap, enable_auto_commit=False, fetch_max_wait_ms=50
        )

    async def start(self) -> None:
        """From its end on."""
        await self._reader.start()
        ends = await self._reader.end_offsets(self._places)
        self._reader.assign(self._places)
        for place in self._places:
            self._reader.seek(place, ends[place])

    async def stop(self) -> None:
        """Disconnect."""
        await self._reader.stop()

    async def tenant(self, tenant_id: str) -> None:
        """Until something of this tenant was counted."""
        while True:
            for records in (await self._reader.getmany(timeout_ms=50)).values():
                if any(not is_mark(one.key) and one.key.decode() == tenant_id for one in records):
                    return


async def measure(found: Servers, extent: Extent, report: Report) -> Figures:
    """All of it."""
    terms = TRANSACTIONAL.terms(found, "restore")
    await TRANSACTIONAL.create_topics(terms)
    await _fill(terms, extent, report)
    answers = Answers(terms, request_id)
    producer = AIOKafkaProducer(bootstrap_servers=terms.bootstrap)
    stream, counted = Stream(terms, answers, producer), Counted(terms)
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder:
        models = await server.start(SimulatorOptions(ledger=Path(folder) / "ledger.jsonl"))
        staff = Staff(terms, models.base_url, Path(folder), SESSION_TIMEOUT_S)
        try:
            await producer.start()
            await answers.start()
            await counted.start()
            await staff.start("w-0")
            await staff.settled()
            taken_s = await _restored(staff, stream, counted, report)
        finally:
            await staff.end()
            await counted.stop()
            await answers.stop()
            await producer.stop()
            await models.stop()
    return {"restore_s_100000": taken_s}


async def _fill(terms: Terms, extent: Extent, report: Report) -> None:
    report.progress(f"{extent.tenants} tenants' plans and books are written")
    now = datetime.now(UTC)
    await plans.write(
        terms, ({"tenant_id": f"kept-{number}", "quota": QUOTA} for number in range(extent.tenants))
    )
    size = 0

    def books() -> Iterator[topics.Record]:
        nonlocal size
        for number in range(extent.tenants):
            book = book_of(number, now - timedelta(seconds=1), terms.partitions)
            value = pack(book)
            size += len(value)
            yield topics.record(terms, book.tenant_id, value)

    await topics.write(terms, books(), WINDOWS.changelog.full_name(f"{terms.name}.", terms.name))
    report.say(f"the changelog holds {size / 2**20:.0f} MiB, {size // extent.tenants} bytes for each tenant")


async def _restored(staff: Staff, stream: Stream, counted: Counted, report: Report) -> float:
    tasks = {asyncio.create_task(one) for one in (stream.send(), stream.read())}
    try:
        await stream.answered(round(RATE))
        before_s = time.perf_counter()
        await asyncio.sleep(BEFORE_S)
        began_s = time.perf_counter()
        stream.tenants = (*LIVE, FRESH)
        books = await staff.start_books()
        kept_s = await _working(books, counted, tasks) - began_s
        ended_s = time.perf_counter()
        await stream.answered(round(RATE))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    pauses = (
        longest_pause_s(stream.came_s, before_s, began_s),
        longest_pause_s(stream.came_s, began_s, ended_s),
    )
    report.say(
        f"the books said that they are kept after {kept_s:.1f} s and had counted what came since after "
        f"{ended_s - began_s:.1f} s ({books.cpu_s():.1f} s of CPU)"
    )
    report.say(
        f"meanwhile the worker answered {RATE:g} requests a second: the longest pause was {pauses[1]:.2f} s, "
        f"before {pauses[0]:.2f} s"
    )
    return ended_s - began_s


async def _working(books: Colleague, counted: Counted, others: "set[asyncio.Task[Any]]") -> float:
    """Until both are true; returns when they said that they are kept."""
    first = asyncio.create_task(counted.tenant(FRESH))
    until_s, kept_s = time.perf_counter() + PATIENCE_S, None
    try:
        while kept_s is None or not first.done():
            books.require_running()
            for task in (*others, first):
                if task.done() and (error := task.exception()) is not None:
                    raise error
            if time.perf_counter() > until_s:
                raise BenchFailed(f"the books do not work after {PATIENCE_S:g} s")
            if kept_s is None and books.said(KEPT):
                kept_s = time.perf_counter()
            await asyncio.sleep(0.05)
    finally:
        first.cancel()
        await asyncio.wait({first})
    return kept_s
