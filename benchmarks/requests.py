"""The requests of the bench: the same records for every contestant that reads Penstock's contract."""

import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from benchmarks.conversation import AGENT, QUESTION
from schemas.partitions import partition_for


@dataclass(frozen=True, slots=True)
class Request:
    """One record to produce."""

    request_id: str
    partition: int
    key: bytes
    value: bytes


def make_requests(tenants: int, partitions: int) -> Iterator[Request]:
    """Requests without end, from each tenant in turn, each with an id of its own."""
    mark = uuid.uuid4().hex[:8]
    for number in itertools.count():
        tenant = f"tenant-{number % tenants}"
        request_id = f"{mark}-{number}"
        key = tenant.encode()
        value = orjson.dumps(
            {"request_id": request_id, "tenant_id": tenant, "agent": AGENT, "input": QUESTION}
        )
        yield Request(request_id, partition_for(key, partitions), key, value)
