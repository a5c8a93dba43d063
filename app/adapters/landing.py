"""Where a batch's records landed: what the ledger may begin at next time, and where parked requests stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.structs import TopicPartition

from app.adapters.record_batches import BatchFailed
from streams.flow import Emission, Parcel
from streams.ports import Shelf, ShelfKind
from streams.topics import TopicNames

Sent = Sequence[tuple[Any, list[Emission]]]  # the broker's word on a batch, and what was in it


@dataclass(frozen=True, slots=True)
class Landing:
    """Of one batch of parcels."""

    checkpoints: dict[Shelf, int]  # up to where each shelf is known, once these are remembered
    parked: dict[int, int]  # by the id() of a parcel that parks a request: the offset of its record


def merged(landings: Sequence[Landing]) -> Landing:
    """Of batches that followed each other."""
    if len(landings) == 1:
        return landings[0]
    checkpoints: dict[Shelf, int] = {}
    parked: dict[int, int] = {}
    for one in landings:
        checkpoints |= one.checkpoints
        parked |= one.parked
    return Landing(checkpoints, parked)


def landing(topics: TopicNames, parcels: Sequence[Parcel], sent: Sent) -> Landing:
    """From what the broker said of each batch of records."""
    return Landing(_checkpoints(topics, sent), _parked(topics.parked, parcels, sent))


def _checkpoints(topics: TopicNames, sent: Sent) -> dict[Shelf, int]:
    kinds: dict[str, ShelfKind] = {topics.responses: "responses", topics.deadletter: "deadletter"}
    checkpoints: dict[Shelf, int] = {}
    for metadata, part in sent:
        if metadata.topic in kinds:
            shelf = Shelf(kinds[metadata.topic], metadata.partition)
            checkpoints[shelf] = max(metadata.offset + len(part), checkpoints.get(shelf, 0))
    return checkpoints


def _parked(topic: str, parcels: Sequence[Parcel], sent: Sent) -> dict[int, int]:
    offsets: dict[int, int] = {}
    for metadata, part in sent:
        if metadata.topic == topic:
            if metadata.offset < 0:
                # A broker that knows a repeated batch only by its number: it is sent anew.
                raise BatchFailed("where parked requests landed is not known")
            offsets |= {id(emission): metadata.offset + nth for nth, emission in enumerate(part)}
    if not offsets:
        return {}
    return {
        id(parcel): offsets[id(emission)]
        for parcel in parcels
        for emission in parcel.emissions
        if emission.topic == topic and emission.value is not None  # not what is taken away with it
    }


def proof(topics: TopicNames, sent: Sent) -> tuple[TopicPartition, int] | None:
    """A record that shows whether the batch was committed; None where there is none.

    One on the parked topic only where there is no other: compaction takes records away there.
    """
    for metadata, _ in sorted(sent, key=lambda one: bool(one[0].topic == topics.parked)):
        return TopicPartition(metadata.topic, metadata.partition), metadata.offset
    return None
