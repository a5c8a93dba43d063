"""The requests of the bench: the same records for every contestant that reads Penstock's contract."""

import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import orjson

from benchmarks.conversation import AGENT, QUESTION
from schemas.partitions import partition_for
from schemas.times import format_at


@dataclass(frozen=True, slots=True)
class Request:
    """One record to produce."""

    request_id: str
    partition: int
    key: bytes
    value: bytes


def make_requests(
    tenants: int, partitions: int, agent: str = AGENT, question: str = QUESTION
) -> Iterator[Request]:
    """Requests without end, from each tenant in turn, each with an id of its own."""
    mark = uuid.uuid4().hex[:8]
    for number in itertools.count():
        tenant = f"tenant-{number % tenants}"
        request_id = f"{mark}-{number}"
        key = tenant.encode()
        value = orjson.dumps(
            {"request_id": request_id, "tenant_id": tenant, "agent": agent, "input": question}
        )
        yield Request(request_id, partition_for(key, partitions), key, value)


def postponed(request: Request, until: datetime) -> Request:
    """The same, to be run no earlier."""
    body = orjson.loads(request.value) | {"not_before": format_at(until)}
    return replace(request, value=orjson.dumps(body))


def on_each_partition(requests: Iterator[Request], partitions: int, number: int) -> list[Request]:
    """The first so many of each partition."""
    found: dict[int, list[Request]] = {partition: [] for partition in range(partitions)}
    while any(len(taken) < number for taken in found.values()):
        request = next(requests)
        if len(found[request.partition]) < number:
            found[request.partition].append(request)
    return [request for taken in found.values() for request in taken]
