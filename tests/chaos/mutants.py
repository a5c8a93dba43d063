"""Mutants of the runtime, each without one guard: the crash matrix must find every one of them out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from app.adapters.fenced_producer import FencedProducer
from streams.tracker import Ticket, Tracker


@dataclass(frozen=True, slots=True)
class Mutant:
    """One guard less; the faults that find it out fastest."""

    patch: Callable[[], None]
    faults: Sequence[str]


def acks_out_of_order() -> None:
    """Each record is acknowledged when it is done, whatever stands before it."""

    def release(_: Tracker, ticket: Ticket) -> None:
        ticket.done = True
        if not ticket.line.closed and ticket.ack is not None:
            ticket.ack()

    setattr(Tracker, "release", release)  # noqa: B010  mypy would not let it pass otherwise


def no_fencing() -> None:
    """Offsets are committed in the transaction, but nobody checks who commits them."""

    async def commit_offsets(
        producer: FencedProducer,
        topic: str,
        offsets: dict[int, int],
        group_id: str,
        _: Any,
        metadata: str,
    ) -> None:
        producer._sender.__class__ = producer._sender.__class__.__mro__[1]  # aiokafka's own, version 0
        positions = {
            TopicPartition(topic, partition): OffsetAndMetadata(offset, metadata)
            for partition, offset in offsets.items()
        }
        await AIOKafkaProducer.send_offsets_to_transaction(producer, positions, group_id)

    setattr(FencedProducer, "commit_offsets", commit_offsets)  # noqa: B010  as above


MUTANTS: Mapping[str, Mutant] = {
    "acks_out_of_order": Mutant(acks_out_of_order, ("kill -9",)),
    "no_fencing": Mutant(
        no_fencing, ("frozen before records of a transaction", "frozen before offsets of a transaction")
    ),
}
