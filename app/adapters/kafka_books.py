"""What the books need of Kafka beside their consumer: a producer to wait for, and where partitions end."""

import asyncio
import contextlib
from collections.abc import Collection, Mapping
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from app import closing
from app.adapters import record_batches
from streams.book_ports import Place, PlacesUnknown
from streams.books import Source
from streams.flow import Emission
from streams.options import StreamOptions
from streams.topics import RESPONSES, USAGE

RETRY_S = 0.5
ASK_S = 10.0


class KafkaBooks:
    """The press of the bookkeeper, and half of its gauge."""

    def __init__(self, options: StreamOptions) -> None:
        kafka = options.kafka
        self._options: Final = options
        self._log = structlog.get_logger("penstock.books")
        self._topics: Final = {
            Source.RESPONSES: RESPONSES.full_name(kafka.topic_prefix, kafka.app_id),
            Source.USAGE: USAGE.full_name(kafka.topic_prefix, kafka.app_id),
        }
        self._producer: AIOKafkaProducer | None = None
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Connect."""
        kafka, flow = self._options.kafka, self._options.flow
        self._producer = AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap,
            enable_idempotence=kafka.idempotent,
            acks="all",
            linger_ms=0,
            max_batch_size=record_batches.BATCH_BYTES,
            max_request_size=flow.max_record_bytes + record_batches.BATCH_BYTES,
        )
        await self._producer.start()
        # Not committed, too: what an open transaction holds back was written before, and is not read yet.
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka.bootstrap, isolation_level="read_uncommitted", enable_auto_commit=False
        )
        await self._consumer.start()

    async def stop(self) -> None:
        """Close the connections."""
        with contextlib.suppress(KafkaError):
            if self._producer is not None:
                await self._producer.stop()
        with contextlib.suppress(KafkaError):
            if self._consumer is not None:
                await closing.stop(self._consumer)

    async def send(self, emissions: list[Emission]) -> None:
        """Until it is done: what is counted in memory must be in the changelog before anything else is."""
        while emissions and self._producer is not None:
            try:
                await record_batches.send(self._producer, emissions)
            except (KafkaError, OSError) as error:
                self._log.warning("publishing is tried again", records=len(emissions), error=repr(error))
                await asyncio.sleep(RETRY_S)
            else:
                return

    async def ends(self, partitions: Collection[int]) -> Mapping[Place, int]:
        """The ends of both sources, open transactions included."""
        places: dict[Any, Place] = {
            TopicPartition(self._topics[source], partition): (source, partition)
            for source in Source
            for partition in partitions
        }
        if not places or self._consumer is None:
            return {}
        try:
            async with asyncio.timeout(ASK_S):
                ends = await self._consumer.end_offsets(list(places))
        except (KafkaError, OSError, TimeoutError) as error:
            raise PlacesUnknown(repr(error)) from error
        return {places[place]: end for place, end in ends.items()}
