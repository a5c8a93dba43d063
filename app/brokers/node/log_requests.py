"""Produce, fetch, list offsets, delete records."""

import asyncio
from collections.abc import Callable
from typing import Any

from app.brokers.node import batches
from app.brokers.node.groups import Place
from app.brokers.node.partition import Partition, Slice
from app.brokers.node.refusals import Code, Refused
from app.brokers.node.state import Node, now

NONE_YET = -1
EARLIEST, LATEST = -2, -1
READ_COMMITTED = 1
HAS_LOG_START = 5  # the version from which produce and fetch name where the log starts

Row = tuple[Any, ...]


def by_partition(topics: Any, answer: Callable[..., Row]) -> list[Row]:
    """The answers per topic and partition, in the shape in which they were asked."""
    return [
        (topic, [answer(Place(topic, number), *rest) for number, *rest in partitions])
        for topic, partitions in topics
    ]


async def produce(node: Node, request: Any) -> Row | None:
    """Append each partition's batches; no answer at all where none is wanted."""

    def append(place: Place, data: bytes) -> Row:
        try:
            offset = _append(node, request.transactional_id, place, data)
            code = Code.NONE
        except Refused as refused:
            offset, code = NONE_YET, refused.code
        row = (place.partition, code, offset, NONE_YET)
        return (*row, 0) if request.API_VERSION >= HAS_LOG_START else row

    rows = by_partition(request.topics, append)
    return (rows, 0) if request.required_acks else None


def _append(node: Node, transactional_id: str | None, place: Place, data: bytes) -> int:
    partition = node.topics.partition(*place)
    offsets = []
    for batch in batches.parse(data):
        if batch.transactional:
            node.transactions.check_write(transactional_id, (batch.producer_id, batch.producer_epoch), place)
        offsets.append(partition.append(batch))
    if not offsets:
        raise Refused(Code.CORRUPT_MESSAGE)
    return offsets[0]


async def fetch(node: Node, request: Any) -> Row:
    """Read from each partition, waiting for records for as long as the client allows."""
    until = now() + request.max_wait_time / 1000
    while True:
        arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        size, urgent, rows = _read_all(node, request, arrived)
        left = until - now()
        if size >= max(1, request.min_bytes) or urgent or left <= 0:
            arrived.cancel()
            return 0, rows
        await asyncio.wait([arrived], timeout=left)


def _read_all(node: Node, request: Any, arrived: "asyncio.Future[None]") -> tuple[int, bool, list[Row]]:
    budget, size, urgent = request.max_bytes, 0, False

    def read(place: Place, offset: int, *rest: int) -> Row:
        nonlocal size, urgent
        try:
            partition = node.topics.partition(*place)
            most = min(rest[-1], budget - size)
            part = partition.read(offset, most, committed=request.isolation_level == READ_COMMITTED)
            if size and len(part.data) > most:
                part = Slice(b"", part.end, part.stable_end)  # a batch over the budget must come first
            partition.on_append(arrived)
            size += len(part.data)
            return _fetched(request.API_VERSION, place, partition, part)
        except Refused as refused:
            urgent = True
            blank = Slice(b"", NONE_YET, NONE_YET)
            return _fetched(request.API_VERSION, place, None, blank, refused.code)

    rows = by_partition(request.topics, read)
    return size, urgent, rows


def _fetched(
    version: int, place: Place, partition: Partition | None, part: Slice, code: Code = Code.NONE
) -> Row:
    aborted = [(gone.producer_id, gone.first_offset) for gone in part.aborted]
    log_start = (partition.start if partition else NONE_YET,) if version >= HAS_LOG_START else ()
    return (place.partition, code, part.end, part.stable_end, *log_start, aborted, part.data)


async def list_offsets(node: Node, request: Any) -> Row:
    """Where a partition starts, ends, or reaches a time."""
    committed = getattr(request, "isolation_level", 0) == READ_COMMITTED

    def find(place: Place, timestamp: int) -> Row:
        try:
            partition = node.topics.partition(*place)
        except Refused as refused:
            return place.partition, refused.code, NONE_YET, NONE_YET
        end = partition.stable_end if committed else partition.end
        if timestamp in (EARLIEST, LATEST):
            return place.partition, Code.NONE, NONE_YET, end if timestamp == LATEST else partition.start
        found = partition.first_at(timestamp)
        if found is None or found[1] >= end:
            found = NONE_YET, NONE_YET
        return place.partition, Code.NONE, *found

    rows = by_partition(request.topics, find)
    return (0, rows) if request.API_VERSION >= 2 else (rows,)  # throttle time came with version 2


async def delete_records(node: Node, request: Any) -> Row:
    """Forget the records before an offset."""

    def forget(place: Place, offset: int) -> Row:
        try:
            return place.partition, node.topics.partition(*place).forget_before(offset), Code.NONE
        except Refused as refused:
            return place.partition, NONE_YET, refused.code

    return 0, by_partition(request.topics, forget)
