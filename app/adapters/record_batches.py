"""Emissions -> Kafka record batches: one per topic and partition, built once for many records."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.structs import RecordMetadata

from streams.flow import Emission

# Below every topic's max.message.bytes; a single larger record still makes a batch of its own.
BATCH_BYTES = 512 * 1024


class BatchFailed(Exception):
    """A batch was not taken by the broker."""


Sent = tuple[RecordMetadata | BaseException, list[Emission]]


async def send(
    producer: AIOKafkaProducer, emissions: Iterable[Emission]
) -> list[tuple[RecordMetadata, list[Emission]]]:
    """Hand everything to the producer and wait until the broker has it."""
    sent = await _hand_over(producer, emissions)
    for result, _ in sent:
        if isinstance(result, BaseException):
            raise result
    return sent


async def send_some(producer: AIOKafkaProducer, emissions: Iterable[Emission]) -> list[Emission]:
    """The same, but what the broker did not take is returned: the rest must not be sent again."""
    sent = await _hand_over(producer, emissions)
    return [emission for result, part in sent if isinstance(result, BaseException) for emission in part]


async def _hand_over(producer: AIOKafkaProducer, emissions: Iterable[Emission]) -> list[Sent]:
    """What became of each batch. All of them end, whatever happens to one."""
    batches: list[tuple[Any, list[Emission]]] = []
    for (topic, partition), records in _by_place(emissions).items():
        for batch, part in _batches(producer, records):
            try:
                batches.append((await producer.send_batch(batch, topic, partition=partition), part))
            except KafkaError as error:
                batches.append((_failed(error), part))
    results = await asyncio.gather(*(future for future, _ in batches), return_exceptions=True)
    return [(result, part) for result, (_, part) in zip(results, batches, strict=True)]


def _failed(error: KafkaError) -> "asyncio.Future[Any]":
    future = asyncio.get_running_loop().create_future()
    future.set_exception(error)
    return future


def _by_place(emissions: Iterable[Emission]) -> dict[tuple[str, int], list[Emission]]:
    places: dict[tuple[str, int], list[Emission]] = {}
    for emission in emissions:
        place = (emission.topic, emission.partition)
        if place in places:
            places[place].append(emission)
        else:
            places[place] = [emission]
    return places


def _batches(producer: AIOKafkaProducer, records: Sequence[Emission]) -> Iterable[tuple[Any, list[Emission]]]:
    batch = producer.create_batch()
    part: list[Emission] = []
    for record in records:
        if record.packed or not _append(batch, record):
            if part:
                batch.close()
                yield batch, part
            batch, part = _packed_batch(producer) if record.packed else producer.create_batch(), []
            if not _append(batch, record):
                raise BatchFailed(f"a record of {len(record.value or b'')} bytes fits no batch")
        part.append(record)
        if record.packed:
            batch.close()
            yield batch, part
            batch, part = producer.create_batch(), []
    if part:
        batch.close()
        yield batch, part


def _packed_batch(producer: AIOKafkaProducer) -> BatchBuilder:
    """As the producer makes them, but compressed: the topic's limit is one of compressed bytes."""
    transactions = producer._txn_manager  # noqa: SLF001  its builder has no choice of compression
    transactional = transactions is not None and transactions.transactional_id is not None
    return BatchBuilder(BATCH_BYTES, DefaultRecordBatch.CODEC_GZIP, is_transactional=transactional)


def _append(batch: Any, record: Emission) -> bool:
    added = batch.append(timestamp=None, key=record.key, value=record.value, headers=record.headers)
    return added is not None
