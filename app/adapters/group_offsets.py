"""The group's offsets: read when no open transaction can change them any more, and committed as a member."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.errors import for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)
from aiokafka.structs import TopicPartition

from streams.ownership import Membership


@dataclass(frozen=True, slots=True)
class Committed:
    """An offset, and what was noted beside it."""

    offset: int
    note: str = ""


UNSTABLE = 88  # a transaction that commits an offset of the partition is open, or just ending


class OffsetFetchResponseV7(Response):  # type: ignore[misc]  # aiokafka is not typed
    """Offsets and errors by partition."""

    API_KEY = 9
    API_VERSION = 7
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("offset", Int64),
                        ("leader_epoch", Int32),
                        ("metadata", CompactString("utf-8")),
                        ("error_code", Int16),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("error_code", Int16),
        ("tags", TaggedFields),
    )


class OffsetFetchRequestV7(RequestStruct):  # type: ignore[misc]  # aiokafka is not typed
    """The first version that can ask for stable offsets; aiokafka's own ends at 3."""

    API_KEY = 9
    API_VERSION = 7
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = OffsetFetchResponseV7
    SCHEMA = Schema(
        ("consumer_group", CompactString("utf-8")),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                ("partitions", CompactArray(Int32)),
                ("tags", TaggedFields),
            ),
        ),
        ("require_stable", Boolean),
        ("tags", TaggedFields),
    )


class StableOffsetFetch(Request[OffsetFetchRequestV7]):  # type: ignore[misc]  # aiokafka is not typed
    """Version 7 or nothing: an older one would answer with what a commit under way is about to replace."""

    API_KEY = 9

    def __init__(self, group_id: str, topics: Mapping[str, list[int]]) -> None:
        self._group_id = group_id
        self._topics = topics

    def build(self, request_struct_class: type[OffsetFetchRequestV7]) -> OffsetFetchRequestV7:
        """The request as it goes over the wire."""
        topics: list[Any] = [(topic, partitions, {}) for topic, partitions in self._topics.items()]
        return request_struct_class(self._group_id, topics, True, {})


async def committed(
    client: AIOKafkaClient, places: Iterable[TopicPartition], group_id: str, *, stable: bool
) -> dict[TopicPartition, Committed | None]:
    """What the group committed; None where it is nothing. Raises KafkaError.

    `stable`: places of which a transaction is about to change it are left out: ask again. Where its producer
    is dead, the broker ends it after the transaction's timeout.
    """
    topics: defaultdict[str, list[int]] = defaultdict(list)
    for place in places:
        topics[place.topic].append(place.partition)
    request = (
        StableOffsetFetch(group_id, topics) if stable else OffsetFetchRequest(group_id, list(topics.items()))
    )
    node = await client.coordinator_lookup(CoordinationType.GROUP, group_id)
    answer: Any = await client.send(node, request, group=ConnectionGroup.COORDINATION)
    _raise_for({answer.error_code}, group_id)
    offsets: dict[TopicPartition, Committed | None] = {}
    for topic, partitions, *_ in answer.topics:
        for found in partitions:
            note, code = found[3:5] if stable else found[2:4]  # version 7 has the leader's epoch before them
            if code != UNSTABLE:
                _raise_for({code}, group_id)
                place = TopicPartition(topic, found[0])
                offsets[place] = Committed(found[1], note or "") if found[1] >= 0 else None
    return offsets


def _raise_for(codes: Iterable[int], group_id: str) -> None:
    for code in codes:
        if code:
            raise for_code(code)(group_id)


async def commit(
    client: AIOKafkaClient,
    positions: Mapping[TopicPartition, Committed],
    group_id: str,
    membership: Membership,
) -> None:
    """Without a transaction. The coordinator takes offsets of any topic from a member. Raises KafkaError."""
    topics: defaultdict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for place, one in positions.items():
        topics[place.topic].append((place.partition, one.offset, one.note))
    request = OffsetCommitRequest(
        group_id,
        membership.generation,
        membership.member_id,
        OffsetCommitRequest.DEFAULT_RETENTION_TIME,
        list(topics.items()),
    )
    node = await client.coordinator_lookup(CoordinationType.GROUP, group_id)
    answer: Any = await client.send(node, request, group=ConnectionGroup.COORDINATION)
    _raise_for([code for _, partitions in answer.topics for _, code in partitions], group_id)
