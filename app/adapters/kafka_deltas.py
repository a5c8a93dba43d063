"""Deltas on Kafka: collected from all runs within a short window, not transactional, so visible at once."""

import asyncio
import contextlib
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from app.adapters import record_batches
from streams.deltas import DeltaFeed
from streams.emission import DELTA_HEADERS
from streams.flow import Emission
from streams.lifeline import Lifeline
from streams.observations import Observer, PublishRetried
from streams.options import StreamOptions
from streams.ports import Clock

RETRY_S = 0.2


class KafkaDeltas:
    """Collects what runs say and publishes it."""

    def __init__(
        self, options: StreamOptions, topic: str, clock: Clock, observer: Observer, lifeline: Lifeline
    ) -> None:
        self._options: Final = options
        self._topic: Final = topic
        self._clock: Final = clock
        self._observer: Final = observer
        self._lifeline: Final = lifeline
        self._dirty: dict[DeltaFeed, None] = {}
        self._settling: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._producer: AIOKafkaProducer | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect and begin to publish."""
        self._producer = await self._connect()
        self._task = self._lifeline.hold(asyncio.create_task(self._loop()))

    async def stop(self) -> None:
        """Stop publishing."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._disconnect()

    def touch(self, feed: DeltaFeed) -> None:
        """The feed has something new."""
        self._dirty[feed] = None
        self._wake.set()

    async def settle(self, feed: DeltaFeed) -> None:
        """Publish what is left of the feed and wait until it is durable."""
        self._dirty[feed] = None
        future = asyncio.get_running_loop().create_future()
        self._settling.append(future)
        self._wake.set()
        self._hurry.set()
        await future

    async def _loop(self) -> None:
        while True:
            await self._wake.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), self._options.flow.delta_window_s)
            self._wake.clear()
            self._hurry.clear()
            settling, self._settling = self._settling, []
            feeds, emissions = self._collect()
            if emissions:
                await self._send(emissions)
            for feed in feeds:
                feed.published()
            for future in settling:
                if not future.done():
                    future.set_result(None)

    def _collect(self) -> tuple[list[DeltaFeed], list[Emission]]:
        dirty, self._dirty = self._dirty, {}
        at = self._clock.at()
        return list(dirty), [
            Emission(self._topic, feed.partition, feed.key, value, DELTA_HEADERS)
            for feed in dirty
            for value in feed.collect(at)
        ]

    async def _send(self, emissions: list[Emission]) -> None:
        """Until it is done: a delta that is missing would leave a gap in its sequence."""
        while emissions:
            try:
                if self._producer is None:
                    self._producer = await self._connect()
                emissions = await record_batches.send_some(self._producer, emissions)
                reason = "not taken"
            except KafkaError as error:
                reason = repr(error)
            if emissions:
                self._observer.observe(PublishRetried(len(emissions), f"deltas: {reason}"))
                await self._disconnect()  # an idempotent producer does not recover from every error
                await asyncio.sleep(RETRY_S)

    async def _connect(self) -> AIOKafkaProducer:
        kafka = self._options.kafka
        producer = AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap,
            enable_idempotence=kafka.idempotent,
            acks="all",
            linger_ms=0,
            max_batch_size=record_batches.BATCH_BYTES,
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    async def _disconnect(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(KafkaError):
                await producer.stop()
