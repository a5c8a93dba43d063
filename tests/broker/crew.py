"""A deployment of a test's own: topics, workers as processes, and what came of the requests."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

import psutil
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import RecordMetadata

from app import provision
from schemas.partitions import partition_for
from streams.options import KafkaOptions
from tests.broker.nursery import Nursery, exit_code_path
from tests.broker.topic_reader import ends_of, read_all, read_until

ROOT = Path(__file__).parents[2]
COMMAND = ("-m", "app", "worker", "--no-books")
READY_S = 60.0
END_S = 30.0
POLL_S = 0.05
MARKERS = 3  # of transactions, at the end of a partition


@dataclass(frozen=True, slots=True)
class Sent:
    """A record as a producer writes it; no partition: where Java's default partitioner puts its key."""

    value: bytes | None
    key: bytes | None
    partition: int | None = None
    headers: Sequence[tuple[str, bytes]] = ()


def request(request_id: str, tenant_id: str = "acme", text: str = "hello", **more: Any) -> Sent:
    """An ordinary one, for the clerk."""
    headers = more.pop("headers", ())
    body = {"request_id": request_id, "tenant_id": tenant_id, "agent": "clerk", "input": text} | more
    return Sent(json.dumps(body, ensure_ascii=False).encode(), tenant_id.encode(), None, headers)


@dataclass
class WorkerProcess:
    """One worker, which a test may freeze and kill."""

    pid: int
    log_path: Path
    process: "subprocess.Popen[bytes] | None" = None  # None: it is not our child

    @property
    def log(self) -> str:
        """What it wrote."""
        return self.log_path.read_text(errors="replace")

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The log lines of one event."""
        found = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [line for line in found if line.get("event") == event]

    def alive(self) -> bool:
        """Whether it still runs."""
        if self.process is not None:
            return self.process.poll() is None
        return bool(psutil.pid_exists(self.pid))

    def kill(self) -> None:
        """kill -9."""
        os.kill(self.pid, signal.SIGKILL)
        while self.alive():
            time.sleep(0.005)

    def freeze(self) -> None:
        """It does nothing any more, and does not notice."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on where it was."""
        os.kill(self.pid, signal.SIGCONT)

    def terminate(self) -> None:
        """Ask it to end."""
        os.kill(self.pid, signal.SIGTERM)

    async def ended(self, within_s: float = END_S) -> int | None:
        """Its exit code, when it has ended; None where it was killed."""
        await until(lambda: not self.alive(), within_s, lambda: f"it does not end:\n{self.log[-3000:]}")
        if self.process is not None:
            return self.process.returncode if self.process.returncode >= 0 else None
        left = exit_code_path(self.log_path)
        return int(left.read_text()) if left.exists() else None

    def get(self, path: str) -> int:
        """What it answers on HTTP; 0 when it does not."""
        starting = self.lines("worker starting")
        if not starting:
            return 0
        try:
            with urlopen(f"http://{starting[0]['http']}{path}", timeout=2) as answer:
                return int(answer.status)
        except URLError as error:
            return getattr(error, "code", 0)
        except OSError:
            return 0


@dataclass
class Crew:
    """The workers of one deployment."""

    kafka: KafkaOptions
    redis_url: str
    folder: Path
    nursery: Nursery
    settings: dict[str, str] = field(default_factory=dict)
    workers: list[WorkerProcess] = field(default_factory=list)
    others: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    # -- workers

    def start(
        self,
        *mutants: str,
        command: Sequence[str] | None = None,
        tree: Path = ROOT,
        worker_id: str | None = None,
        **settings: Any,
    ) -> WorkerProcess:
        """Start one more. It takes a few seconds until it works; nobody waits for that here.

        A command of one's own may be run in another tree.
        """
        given = {
            "PENSTOCK_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "PENSTOCK_TOPIC_PREFIX": self.kafka.topic_prefix,
            "PENSTOCK_APP_ID": self.kafka.app_id,
            "PENSTOCK_PARTITIONS": str(self.kafka.partitions),
            "PENSTOCK_SESSION_TIMEOUT_S": str(self.kafka.session_timeout_s),
            "PENSTOCK_DELIVERY": self.kafka.delivery,
            "PENSTOCK_REDIS_URL": self.redis_url,
            "PENSTOCK_HTTP_BIND": "127.0.0.1:0",
            "PENSTOCK_LOG_FORMAT": "json",
            "PENSTOCK_REQUESTS_PER_MINUTE": "1000000",
            "OPENAI_API_KEY": "any-key-will-do",
            **({"PENSTOCK_WORKER_ID": worker_id} if worker_id else {}),
            **self.settings,
            **{f"PENSTOCK_{name.upper()}": str(value) for name, value in settings.items()},
        }
        log_path = self.folder / f"worker-{len(self.workers)}.log"
        if command is None:
            self.workers.append(WorkerProcess(self.nursery.bear(mutants, given, log_path), log_path))
        else:
            process = self._spawn(log_path, *command, tree=tree, **given)
            self.workers.append(WorkerProcess(process.pid, log_path, process))
        return self.workers[-1]

    def _spawn(
        self, log_path: Path, *command: str, tree: Path = ROOT, **environment: str
    ) -> "subprocess.Popen[bytes]":
        with log_path.open("wb") as output:
            return subprocess.Popen(
                [sys.executable, *command],
                env=dict(os.environ, **environment),
                cwd=tree,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def start_simulator(self) -> str:
        """A simulator as a process of its own; returns its address."""
        log_path = self.folder / "simulator.log"
        arguments = ("simulator", "--port", "0", "--ledger", str(self.folder / "ledger.jsonl"))
        self.others.append(self._spawn(log_path, "-m", "app", *arguments))
        asyncio.run(until(lambda: "listens on " in log_path.read_text(), why=log_path.read_text))
        return log_path.read_text().partition("listens on ")[2].split(",")[0].split()[0]

    async def ready(self, *workers: WorkerProcess) -> None:
        """Wait until these (or all) say that they are."""
        for worker in workers or self.workers:
            await until(partial(self._is_ready, worker), READY_S, partial(not_ready, worker))

    def _is_ready(self, worker: WorkerProcess) -> bool:
        assert worker.alive(), f"it ended:\n{worker.log[-3000:]}"
        return worker.get("/readyz") == 200

    def end(self) -> None:
        """Nobody is left behind."""
        for worker in self.workers:
            if worker.alive():
                worker.thaw()
                worker.kill()
        for process in self.others:
            process.kill()
            process.wait()

    # -- records

    def topic(self, name: str) -> str:
        """Its name on the broker."""
        return f"{self.kafka.topic_prefix}{name}"

    async def send(self, *records: Sent) -> list[RecordMetadata]:
        """Write requests, in order, as a producer with Java's default partitioner does."""
        async with AIOKafkaProducer(
            bootstrap_servers=self.kafka.bootstrap, enable_idempotence=True, max_request_size=8_000_000
        ) as producer:
            sent = [
                await producer.send(
                    self.topic("requests"),
                    record.value,
                    key=record.key,
                    partition=self._place(record),
                    headers=list(record.headers),
                )
                for record in records
            ]
            return list(await asyncio.gather(*sent))

    def _place(self, record: Sent) -> int | None:
        # A record without a key goes anywhere: here, to where acme's would.
        return partition_for(b"acme", self.kafka.partitions) if record.key is None else record.partition

    async def responses(self, number: int, within_s: float = 60) -> list[dict[str, Any]]:
        """Wait for as many, then read whatever there is."""
        return await self._documents("responses", number, within_s)

    async def responses_to(self, request_ids: Iterable[str], within_s: float = 60) -> dict[str, Any]:
        """Wait until these are answered; on topics that other tests write to, too."""
        wanted = set(request_ids)

        def id_of(record: Any) -> str:
            return str(dict(record.headers)["request-id"].decode())

        def enough(records: Sequence[Any]) -> bool:
            return wanted <= set(map(id_of, records))

        await read_until(self.kafka.bootstrap, self.topic("responses"), enough, within_s)
        found = [record for record in await self.read("responses") if id_of(record) in wanted]
        assert len(found) == len(wanted), "a request has more than one response"
        return {id_of(record): json.loads(record.value) for record in found}

    async def letters_for(self, sent: Sequence[RecordMetadata], within_s: float = 60) -> list[dict[str, Any]]:
        """Wait until each of these records has its dead letter; there is one for each, in their order."""
        places = [(one.partition, one.offset) for one in sent]

        def place_of(record: Any) -> tuple[int, int]:
            source = json.loads(record.value)["source"]
            return source["partition"], source["offset"]

        def enough(records: Sequence[Any]) -> bool:
            return set(places) <= set(map(place_of, records))

        await read_until(self.kafka.bootstrap, self.topic("deadletter"), enough, within_s)
        letters: dict[tuple[int, int], dict[str, Any]] = {}
        for record in await self.read("deadletter"):
            assert place_of(record) not in letters, "a record has more than one dead letter"
            letters[place_of(record)] = json.loads(record.value)
        return [letters[place] for place in places]

    async def dead_letters(self, number: int, within_s: float = 60) -> list[dict[str, Any]]:
        """Wait for as many, then read whatever there is."""
        return await self._documents("deadletter", number, within_s)

    async def deltas(self) -> list[dict[str, Any]]:
        """What was said."""
        return [json.loads(record.value) for record in await self.read("deltas")]

    async def read(self, topic: str) -> list[Any]:
        """The committed records of a topic."""
        return await read_all(self.kafka.bootstrap, self.topic(topic))

    async def _documents(self, topic: str, number: int, within_s: float) -> list[dict[str, Any]]:
        await read_until(
            self.kafka.bootstrap, self.topic(topic), lambda records: len(records) >= number, within_s
        )
        return [json.loads(record.value) for record in await self.read(topic)]

    async def answered(self, number: int, within_s: float = 60) -> dict[str, dict[str, Any]]:
        """The response of each request, by its id: there is one."""
        responses = await self.responses(number, within_s)
        by_id = {one["request_id"]: one for one in responses}
        assert len(by_id) == len(responses), "a request has more than one response"
        return by_id

    async def lag(self) -> int:
        """Records that are not released."""
        return sum(end - released for end, released in (await self.unreleased()).values())

    async def unreleased(self) -> dict[Any, tuple[int, int]]:
        """Per partition: its end, and up to where it is released."""
        ends = await ends_of(self.kafka.bootstrap, self.topic("requests"))
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(self.kafka.app_id, partitions=list(ends))
        finally:
            await admin.close()
        return {place: (end, max(0, offsets[place].offset)) for place, end in ends.items()}

    async def caught_up(self, within_s: float = 30) -> None:
        """Wait until nothing is left to do. The end of a producer's last transaction is no record."""
        left: dict[Any, tuple[int, int]] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while left := await self._behind():
                    await asyncio.sleep(POLL_S)
        assert not left, f"not released: {left}"

    async def _behind(self) -> dict[Any, tuple[int, int]]:
        """The partitions on which records stand that are not released."""
        late = {place: one for place, one in (await self.unreleased()).items() if one[0] > one[1]}
        if not late or any(end - released > MARKERS for end, released in late.values()):
            return late
        records = await self.read("requests")
        standing = {(one.partition, one.offset) for one in records}
        return {
            place: (end, released)
            for place, (end, released) in late.items()
            if any((place.partition, offset) in standing for offset in range(released, end))
        }


def not_ready(worker: WorkerProcess) -> str:
    """What to say of a worker that does not come up."""
    return f"it is not ready:\n{worker.log[-3000:]}"


@asynccontextmanager
async def crew_of(
    kafka: KafkaOptions, redis_url: str, folder: Path, nursery: Nursery, models_at: str
) -> AsyncIterator[Crew]:
    """A deployment without workers yet."""
    await provision.create(kafka)
    crew = Crew(kafka, redis_url, folder, nursery, {"OPENAI_BASE_URL": models_at})
    try:
        yield crew
    finally:
        crew.end()


async def until(condition: Callable[[], object], within_s: float = 30, why: Any = None) -> None:
    """Wait for something that nothing announces."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while not condition():
                await asyncio.sleep(POLL_S)
            return
    raise AssertionError(why() if callable(why) else why or "it did not come to that")


SOME_PARTITIONS: Final = 4


def tenants_of(partition: int, number: int, partitions: int = SOME_PARTITIONS) -> list[str]:
    """Tenants whose records stand on this partition."""
    names: Iterable[str] = (f"tenant-{n}" for n in range(100_000))
    return [name for name in names if partition_for(name.encode(), partitions) == partition][:number]
