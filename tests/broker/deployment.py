"""A whole deployment of its own for a test: topics, the simulator and a real worker, as processes."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from app import provision
from schemas.partitions import partition_for
from streams.options import KafkaOptions

START_S = 40.0
STOP_S = 20.0


@dataclass(frozen=True, slots=True)
class Sent:
    """A record to write; `partition` None: the right one."""

    key: bytes
    value: bytes
    partition: int | None = None


def request(tenant: str, request_id: str, text: str = "hello", **more: Any) -> Sent:
    """An ordinary request."""
    body = {"request_id": request_id, "tenant_id": tenant, "agent": "support", "input": text}
    return Sent(tenant.encode(), json.dumps(body | more).encode())


@dataclass
class Deployment:
    """Starts on `with`, ends with it."""

    kafka: KafkaOptions
    redis_url: str
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    flags: Sequence[str] = ()  # of the worker
    worker: "subprocess.Popen[bytes]" = field(init=False)
    url: str = field(init=False)
    _simulator: "subprocess.Popen[bytes]" = field(init=False)
    _books: "subprocess.Popen[bytes] | None" = None

    @property
    def log(self) -> str:
        """Everything that the worker wrote."""
        return (self.folder / "worker.log").read_text()

    @property
    def ledger(self) -> list[dict[str, Any]]:
        """What the simulator served."""
        return [json.loads(line) for line in (self.folder / "ledger.jsonl").read_text().splitlines()]

    def __enter__(self) -> Self:
        asyncio.run(provision.create(self.kafka))
        ledger = self.folder / "ledger.jsonl"
        ledger.touch()
        self._simulator = self._spawn("simulator", "simulator", "--port", "0", "--ledger", str(ledger))
        try:
            models_at = self._wait("simulator", _after("listens on "))
            self.worker = self._spawn("worker", "worker", *self.flags, OPENAI_BASE_URL=models_at)
            try:
                self.url = "http://" + self._wait("worker", _http_address)
                self._until_ready()
            except BaseException:
                self._end(self.worker)
                raise
        except BaseException:
            self._end(self._simulator)
            raise
        return self

    def keep_books(self) -> str:
        """Start the books, too; returns where they serve their pages."""
        self._books = self._spawn("books", "books", PENSTOCK_BOOKS_HTTP_BIND="127.0.0.1:0")
        return self._wait("books", _http_address)

    def __exit__(self, *_: object) -> None:
        if self._books is not None:
            self._end(self._books)
        self._end(self.worker)
        self._end(self._simulator)

    def _spawn(self, name: str, *arguments: str, **environment: str) -> "subprocess.Popen[bytes]":
        settings = {
            "PENSTOCK_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "PENSTOCK_TOPIC_PREFIX": self.kafka.topic_prefix,
            "PENSTOCK_APP_ID": self.kafka.app_id,
            "PENSTOCK_PARTITIONS": str(self.kafka.partitions),
            "PENSTOCK_REDIS_URL": self.redis_url,
            "PENSTOCK_HTTP_BIND": "127.0.0.1:0",
            "PENSTOCK_BOOKS": "false",
            "PENSTOCK_LOG_FORMAT": "json",
            "OPENAI_API_KEY": "sk-any-key-will-do",
        }
        with (self.folder / f"{name}.log").open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "app", *arguments],
                env={**os.environ, **settings, **self.settings, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _wait(self, name: str, find: Callable[[str], str | None]) -> str:
        until, written = time.monotonic() + START_S, ""
        while time.monotonic() < until:
            written = (self.folder / f"{name}.log").read_text()
            found = find(written)
            if found is not None:
                return found
            time.sleep(0.1)
        raise AssertionError(f"{name} did not start:\n{written[-2000:]}")

    def _until_ready(self) -> None:
        until = time.monotonic() + START_S
        while self.get("/readyz")[0] != 200:
            assert time.monotonic() < until, self.get("/readyz")
            assert self.worker.poll() is None, self.log[-2000:]
            time.sleep(0.1)

    def get(self, path: str, of: str | None = None) -> tuple[int, str]:
        """Ask the worker, or whoever serves there; 0 when it does not answer."""
        try:
            with urlopen((of or self.url) + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()
        except (URLError, ConnectionError) as error:
            return 0, str(error)

    @staticmethod
    def _end(process: "subprocess.Popen[bytes]") -> None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    # -- records

    async def send(self, records: Iterable[Sent], to: str = "requests") -> None:
        """Write requests (or what stands on another topic), as their producers would."""
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap)
        await producer.start()
        try:
            for record in records:
                partition = record.partition
                if partition is None:
                    partition = partition_for(record.key, self.kafka.partitions)
                topic = f"{self.kafka.topic_prefix}{to}"
                await producer.send_and_wait(topic, record.value, key=record.key, partition=partition)
        finally:
            await producer.stop()

    async def read(self, topic: str, enough: Callable[[list[Any]], bool], within_s: float = 60) -> list[Any]:
        """Everything on a topic, from its beginning, as soon as it is `enough`."""
        consumer = AIOKafkaConsumer(
            f"{self.kafka.topic_prefix}{topic}",
            bootstrap_servers=self.kafka.bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )
        documents: list[Any] = []
        await consumer.start()
        try:
            async with asyncio.timeout(within_s):
                while not enough(documents):
                    for records in (await consumer.getmany(timeout_ms=100)).values():
                        documents += [json.loads(record.value) for record in records]
        except TimeoutError:
            raise AssertionError(f"{topic} has {len(documents)} records, which is not enough") from None
        finally:
            await consumer.stop()
        return documents


def _after(words: str) -> Callable[[str], str | None]:
    def find(written: str) -> str | None:
        _, found, rest = written.partition(words)
        return rest.split(",")[0].split()[0] if found and "\n" in rest else None

    return find


def _http_address(written: str) -> str | None:
    for line in written.splitlines():
        if line.startswith("{") and line.endswith("}"):
            fields = json.loads(line)
            if "http" in fields:
                return str(fields["http"])
    return None
