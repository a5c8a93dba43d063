"""Record batches as a client builds them."""

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from app.brokers.node import batches
from app.brokers.node.batches import Batch

PRODUCER = 1000


def raw(values: list[bytes], *, timestamp: int = 1_000, sequence: int | None = None, epoch: int = 0) -> bytes:
    """A batch on the wire; with a sequence it is an idempotent producer's."""
    idempotent = sequence is not None
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=PRODUCER if idempotent else -1,
        producer_epoch=epoch if idempotent else -1,
        base_sequence=sequence if sequence is not None else -1,
        batch_size=1_000_000,
    )
    for number, value in enumerate(values):
        builder.append(number, timestamp + number, b"key", value, [])
    return bytes(builder.build())


def batch(
    values: list[bytes], *, timestamp: int = 1_000, sequence: int | None = None, epoch: int = 0
) -> Batch:
    """The same, as the node sees it."""
    return batches.parse(raw(values, timestamp=timestamp, sequence=sequence, epoch=epoch))[0]


def transactional(
    values: list[bytes], *, sequence: int = 0, producer: int = PRODUCER, epoch: int = 0
) -> Batch:
    """One within a transaction."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=1,
        producer_id=producer,
        producer_epoch=epoch,
        base_sequence=sequence,
        batch_size=1_000_000,
    )
    for number, value in enumerate(values):
        builder.append(number, 1_000 + number, b"key", value, [])
    return batches.parse(bytes(builder.build()))[0]
