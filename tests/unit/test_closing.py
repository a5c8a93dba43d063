"""A consumer is stopped whatever its fetches are at, and who stops it goes on."""

import asyncio
import re
from pathlib import Path

import pytest

from app import closing


class Client:
    """Knows whether it was closed."""

    closed = False

    async def close(self) -> None:
        self.closed = True


class Consumer:
    """Stops as aiokafka's does while Kafka is away."""

    def __init__(self, *, hangs: bool = False) -> None:
        self._client = Client()
        self._hangs = hangs
        self.stopping = asyncio.Event()

    async def stop(self) -> None:
        self.stopping.set()
        if self._hangs:
            await asyncio.Event().wait()
        raise asyncio.CancelledError


async def test_a_cancellation_that_nobody_asked_for_ends_nobody() -> None:
    consumer = Consumer()

    await closing.stop(consumer)

    assert consumer._client.closed


async def test_who_is_cancelled_while_it_stops_a_consumer_ends() -> None:
    consumer = Consumer(hangs=True)
    stopping = asyncio.create_task(closing.stop(consumer))
    await consumer.stopping.wait()

    stopping.cancel()

    with pytest.raises(asyncio.CancelledError):
        await stopping


def test_every_consumer_of_ours_is_stopped_this_way() -> None:
    bare = re.compile(r"(consumer|reader|_audits|_outcomes|_deltas)\.stop\(\)")
    found = [
        f"{path}: {line.strip()}"
        for path in sorted(Path("app").rglob("*.py"))
        if "AIOKafkaConsumer" in (text := path.read_text()) or ".consumer(" in text
        for line in text.splitlines()
        if bare.search(line)
    ]

    assert found == ["app/closing.py: await consumer.stop()"]
