"""Real books for a test: what Penstock would have written, a recount of it, and the process."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from schemas.codec import encode
from schemas.partitions import partition_for
from schemas.responses import AgentResponse, RunSpan, Source, Status
from schemas.usage import Purpose, UsageRecord, UsageState
from streams.options import KafkaOptions
from streams.tables import WINDOWS, books_app_id

WINDOW_MS = 60_000
GRACE_MS = 60_000
SESSION_S = 6
PATIENCE_S = 90.0
IN_ONE_TRANSACTION = 100

Key = tuple[str, str, int]  # tenant, agent, start of the window


@dataclass
class Facts:
    """What was written about one window of one tenant and agent."""

    counts: Counter[str] = field(default_factory=Counter)
    queued: list[int] = field(default_factory=list)
    ran: list[int] = field(default_factory=list)
    tokens: int = 0
    cost: Decimal = Decimal(0)
    in_flight: int = 0


@dataclass
class Rig:
    """One deployment's books. `facts` is the recount: of committed transactions only, kept by the writer."""

    kafka: KafkaOptions
    folder: Path
    facts: dict[Key, Facts] = field(default_factory=lambda: defaultdict(Facts))
    processes: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    random: Random = field(default_factory=lambda: Random(20261121))

    def topic(self, name: str) -> str:
        """A topic's full name."""
        return f"{self.kafka.topic_prefix}{name}"

    # -- writing

    async def write(self, requests: int, tenants: int, at: Callable[[int], datetime]) -> None:
        """Responses and their usage, in transactions as emission writes them; some of which are aborted."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.kafka.bootstrap, transactional_id=f"{self.kafka.app_id}-{time.time_ns()}"
        )
        async with producer:
            for start in range(0, requests, IN_ONE_TRANSACTION):
                aborted = self.random.random() < 0.1
                await producer.begin_transaction()
                for number in range(start, min(requests, start + IN_ONE_TRANSACTION)):
                    tenant = f"tenant-{self.random.randrange(tenants)}"
                    await self._write_one(producer, tenant, at(number), counts=not aborted)
                await (producer.abort_transaction() if aborted else producer.commit_transaction())

    async def _write_one(self, producer: AIOKafkaProducer, tenant: str, at: datetime, counts: bool) -> None:
        response, calls = self._outcome(tenant, at)
        key, partition = tenant.encode(), partition_for(tenant.encode(), self.kafka.partitions)
        headers = [("schema", b"usage/1"), ("request-agent", str(response.agent).encode())]
        usage = [(self.topic("usage"), encode(call), headers) for call in calls]
        answer = (self.topic("responses"), encode(response), [("schema", b"agent-response/1")])
        for topic, value, with_headers in self.random.sample([*usage, answer], len(usage) + 1):
            await producer.send(topic, value, key=key, partition=partition, headers=with_headers)
        if counts:
            self._count(response, calls)

    def _outcome(self, tenant: str, at: datetime) -> tuple[AgentResponse, Sequence[UsageRecord]]:
        random = self.random
        status = random.choice([*[Status.COMPLETED] * 6, Status.FAILED, Status.REFUSED, Status.EXPIRED])
        ran = status in (Status.COMPLETED, Status.FAILED)
        run_ms, queued_ms = int(random.lognormvariate(8, 1)), int(random.lognormvariate(4, 1))
        started = at - timedelta(milliseconds=run_ms)
        request_id = f"r-{random.getrandbits(64):x}"
        response = AgentResponse(
            response_id=f"resp_{request_id}",
            request_id=request_id,
            request_sha256="0" * 64,
            tenant_id=tenant,
            agent=random.choice(["support", "research"]),
            status=status,
            output="hello " * 20,
            admitted_at=started if ran else None,
            started_at=started if ran else None,
            finished_at=at,
            queued_ms=queued_ms,
            run_ms=run_ms if ran else 0,
            runs=(RunSpan(start=started, end=at),) if ran else (),
            source=Source(topic=self.topic("requests"), partition=0, offset=0),
        )
        calls = [
            UsageRecord(
                call_id=f"{request_id}/{number}",
                request_id=request_id,
                tenant_id=tenant,
                agent="Triage",
                model="gpt-5-mini",
                purpose=Purpose.AGENT,
                state=UsageState.SETTLED,
                input_tokens=random.randrange(2_000),
                output_tokens=random.randrange(500),
                cost_usd=Decimal(random.randrange(10**9)) / 10**12,
                price_source="test",
                at=at,
            )
            for number in range(random.randrange(4) if ran else 0)
        ]
        return response, calls

    def _count(self, response: AgentResponse, calls: Sequence[UsageRecord]) -> None:
        end_ms = _ms(response.finished_at)
        tenant, agent = response.tenant_id, str(response.agent)
        facts = self.facts[tenant, agent, end_ms - end_ms % WINDOW_MS]
        facts.counts[response.status.value] += 1
        if response.status is not Status.REFUSED:
            facts.queued.append(response.queued_ms or 0)
        if response.started_at is not None:
            facts.ran.append(response.run_ms or 0)
            began_ms = _ms(response.started_at)
            for boundary in range(began_ms - began_ms % WINDOW_MS + WINDOW_MS, end_ms, WINDOW_MS):
                if end_ms - boundary <= GRACE_MS:
                    self.facts[tenant, agent, boundary - WINDOW_MS].in_flight += 1
        for call in calls:
            facts.tokens += call.input_tokens + call.output_tokens
            facts.cost += call.cost_usd

    # -- the process

    def start(self, worker_id: str = "books") -> "subprocess.Popen[bytes]":
        """Start the books under a stable name."""
        environment = {
            "PENSTOCK_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "PENSTOCK_TOPIC_PREFIX": self.kafka.topic_prefix,
            "PENSTOCK_APP_ID": self.kafka.app_id,
            "PENSTOCK_PARTITIONS": str(self.kafka.partitions),
            "PENSTOCK_SESSION_TIMEOUT_S": str(SESSION_S),
            "PENSTOCK_WORKER_ID": worker_id,
            "PENSTOCK_LOG_FORMAT": "json",
        }
        with (self.folder / f"{worker_id}-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "app", "books"], stderr=log, env={**os.environ, **environment}
            )
        self.processes.append(process)
        return process

    def stop(self, process: "subprocess.Popen[bytes]") -> Mapping[str, Any]:
        """End it as an operator would, once it is up; returns the figures of its last log line."""
        (log,) = self.folder.glob(f"*-{self.processes.index(process)}.log")
        deadline = time.monotonic() + PATIENCE_S
        while "the books are kept" not in log.read_text():
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
        figures: Mapping[str, Any] = json.loads(log.read_text().splitlines()[-1])
        return figures

    def end(self) -> None:
        """Kill what still runs."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()

    # -- reading

    async def told(self) -> dict[Key, dict[str, Any]]:
        """What a reader of the metrics holds: the last record of each window, tenant and agent."""
        held: dict[Key, dict[str, Any]] = {}
        for record in await self.read(self.topic("metrics")):
            value = json.loads(record.value)
            start_ms = _ms(datetime.fromisoformat(value["window_start"]))
            assert record.key.decode() == value["tenant_id"]
            assert record.partition == partition_for(record.key, self.kafka.partitions)
            assert ("schema", b"metrics/1") in record.headers
            held[value["tenant_id"], value["agent"], start_ms] = value
        return held

    async def table(self) -> dict[bytes, bytes]:
        """What a recovery would come to."""
        table: dict[bytes, bytes] = {}
        for record in await self.read(WINDOWS.changelog.full_name("", self.kafka.app_id)):
            if record.value is None:
                table.pop(record.key, None)
            else:
                table[record.key] = record.value
        return table

    async def read(self, topic: str) -> list[Any]:
        """All records, read_committed, in the order of their partitions."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        async with consumer:
            places = [TopicPartition(topic, partition) for partition in range(self.kafka.partitions)]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            records: list[Any] = []
            while any([await consumer.position(place) < ends[place] for place in places]):
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    records += batch
            return records

    async def unreleased(self) -> int:
        """Records, and one marker of a transaction for each partition, that are not released."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka.bootstrap)
        places = [
            TopicPartition(self.topic(name), partition)
            for name in ("responses", "usage")
            for partition in range(self.kafka.partitions)
        ]
        async with consumer:
            ends = await consumer.end_offsets(places)
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(
                books_app_id(self.kafka.app_id), partitions=places
            )
        except GroupCoordinatorNotAvailableError:  # a fresh broker makes its offsets topic when first asked
            return sum(ends.values())
        finally:
            await admin.close()
        return sum(ends[place] - max(offsets[place].offset, 0) for place in places)

    def differences(self, told: Mapping[Key, Mapping[str, Any]]) -> list[tuple[Key, Any, Any]]:
        """Where the books differ from the recount."""
        found: list[tuple[Key, Any, Any]] = []
        for key in self.facts.keys() | told.keys():
            facts, record = self.facts.get(key, Facts()), told.get(key)
            wanted = (dict(facts.counts), facts.tokens, facts.cost, facts.in_flight)
            if record is None:
                found.append((key, wanted, None))
                continue
            counts = {status: n for status, n in record["counts"].items() if n}
            got = (counts, record["tokens"], Decimal(record["cost_usd"]), record["in_flight"])
            near = _near(record.get("queued_ms"), facts.queued) and _near(record.get("run_ms"), facts.ran)
            if got != wanted or not near:
                found.append((key, wanted, record))
        return found


def _near(percentiles: Mapping[str, int] | None, values: Sequence[int]) -> bool:
    if percentiles is None or not values:
        return percentiles is None and not values
    ranks = {percent: sorted(values)[math.ceil(len(values) * percent / 100) - 1] for percent in (50, 95, 99)}
    return all(abs(percentiles[f"p{percent}"] - exact) * 64 <= exact for percent, exact in ranks.items())


def _ms(at: datetime) -> int:
    return round(at.astimezone(UTC).timestamp() * 1000)
