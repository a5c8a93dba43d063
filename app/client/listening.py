"""Sends, and listens for what comes of it: the one loop of all conversations with the workers."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Coroutine, Iterable, Sequence
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from app import closing

T = TypeVar("T")

POLL_MS = 100


class Silence(Exception):
    """Nothing was heard for as long as one was willing to wait."""


class Ear:
    """Knows when anything was heard last, and of what is being waited for."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now: Final = now
        self._heard_at = 0.0

    def heard(self) -> float:
        """Something was, just now."""
        self._heard_at = self._now()
        return self._heard_at

    async def listen(
        self,
        sending: Coroutine[Any, Any, None],
        poll: Callable[[], Awaitable[Sequence[T]]],
        awaited: Callable[[], Collection[object]],
        patience_s: float,
    ) -> AsyncGenerator[T, None]:
        """All that comes, until everything is sent and nothing is awaited any more. Raises Silence."""
        task = asyncio.create_task(sending)
        self.heard()
        try:
            while not task.done() or awaited():
                if task.done():
                    task.result()
                for one in await poll():
                    yield one
                if self._now() - self._heard_at > patience_s:
                    raise Silence
            task.result()
        finally:
            task.cancel()


async def reader_at_ends(
    bootstrap: str, topics: Iterable[str], partitions: Iterable[int], isolation: str
) -> AIOKafkaConsumer:
    """It reads what is written from now on."""
    places = [TopicPartition(topic, partition) for topic in topics for partition in sorted(set(partitions))]
    reader = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level=isolation,
        enable_auto_commit=False,
        fetch_max_wait_ms=POLL_MS,
    )
    try:
        await reader.start()
        reader.assign(places)
        for place, end in (await reader.end_offsets(places)).items():
            reader.seek(place, end)
    except BaseException:
        await closing.stop(reader)
        raise
    return reader
