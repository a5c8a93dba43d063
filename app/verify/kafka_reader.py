"""Reads a deployment's topics from Kafka, as a read_committed reader sees them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import TopicPartition

from app import closing
from app.verify.deployment import CannotRead, Deployment
from app.verify.kafka_snapshot import Photographer
from app.verify.records import Extent, Kind, Record, Snapshot

POLL_MS = 1000
SILENCE_MS = 60_000


@dataclass(frozen=True, slots=True)
class KafkaReader:
    """A source; open it with `reading`."""

    snapshot: Snapshot
    _consumer: Any

    async def read(self, kind: Kind, partition: int, extent: Extent) -> AsyncIterator[Sequence[Record]]:
        """More is fetched while what was yielded is worked on."""
        if extent.start >= extent.end:
            return
        consumer, place = self._consumer, TopicPartition(self.snapshot.names[kind], partition)
        consumer.assign([place])
        consumer.seek(place, extent.start)
        silent_ms = 0
        while await consumer.position(place) < extent.end:
            batches = await consumer.getmany(place, timeout_ms=POLL_MS)
            silent_ms = 0 if batches else silent_ms + POLL_MS
            if silent_ms >= SILENCE_MS:
                raise CannotRead(f"nothing more comes of {place.topic}[{partition}]: is its leader there?")
            records = [_record(raw) for raw in batches.get(place, ()) if raw.offset < extent.end]
            if records:
                yield records


def _record(raw: Any) -> Record:
    return Record(raw.partition, raw.offset, raw.timestamp, raw.key, raw.value, tuple(raw.headers))


@asynccontextmanager
async def reading(deployment: Deployment, at_ms: int, since_ms: int | None) -> AsyncIterator[KafkaReader]:
    """A source of everything that is there now. CannotRead says why there is none."""
    consumer = deployment.consumer("read_committed")
    try:
        await consumer.start()
        snapshot = await Photographer(deployment, consumer).take(at_ms, since_ms)
        yield KafkaReader(snapshot, consumer)
    except KafkaConnectionError as error:
        raise CannotRead(
            f"no Kafka answers at {deployment.bootstrap}: set PENSTOCK_KAFKA_BOOTSTRAP"
        ) from error
    finally:
        await closing.stop(consumer)
