"""Reads what a contestant answers, and refuses to count what is no answer."""

from collections.abc import Callable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from benchmarks.terms import Terms
from benchmarks.worker_process import BenchFailed

POLL_MS = 20

Identify = Callable[[Any], bytes]


def request_id(record: Any) -> bytes:
    """Of an answer by Penstock's contract."""
    headers = dict(record.headers)
    if headers.get("status") != b"completed":
        raise BenchFailed(f"an answer is not `completed`: {record.value[:300]!r}")
    found: bytes = headers["request-id"]
    return found


def correlation_id(record: Any) -> bytes:
    """Of an answer of calfkit's."""
    headers = dict(record.headers)
    if headers.get("x-calf-kind") != b"return":
        raise BenchFailed(f"an answer is no `return`: {record.value[:300]!r}")
    found: bytes = headers["correlation_id"]
    return found


class Answers:
    """Counts the answers that are written from now on."""

    def __init__(self, terms: Terms, identify: Identify, fetch_max_wait_ms: int = POLL_MS) -> None:
        self._terms: Final = terms
        self._identify: Final = identify
        self._consumer: Final = AIOKafkaConsumer(
            bootstrap_servers=terms.bootstrap,
            isolation_level="read_committed" if terms.delivery == "transactional" else "read_uncommitted",
            enable_auto_commit=False,
            fetch_max_wait_ms=fetch_max_wait_ms,
        )
        self._seen: set[bytes] = set()

    async def start(self) -> None:
        """From the end of the topic on."""
        await self._consumer.start()
        places = [TopicPartition(self._terms.responses, number) for number in range(self._terms.partitions)]
        ends = await self._consumer.end_offsets(places)
        self._consumer.assign(places)
        for place in places:
            self._consumer.seek(place, ends[place])

    async def stop(self) -> None:
        """Close the connection."""
        await self._consumer.stop()

    @property
    def count(self) -> int:
        """How many there were."""
        return len(self._seen)

    async def more(self, timeout_ms: int = POLL_MS) -> list[bytes]:
        """Wait a moment for answers; returns whose they are."""
        new = []
        for records in (await self._consumer.getmany(timeout_ms=timeout_ms, max_records=2000)).values():
            for record in records:
                found = self._identify(record)
                if found in self._seen:
                    raise BenchFailed(f"request {found.decode()} was answered twice")
                self._seen.add(found)
                new.append(found)
        return new
