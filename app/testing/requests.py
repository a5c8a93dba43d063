"""Requests as producers write them."""

import json
from typing import Any

from schemas.partitions import partition_for
from streams.flow import Record

PARTITIONS = 4
TENANT = "acme"


def body(request_id: str = "r-1", tenant_id: str = TENANT, **changes: Any) -> dict[str, Any]:
    """An ordinary request; `changes` replace or add fields."""
    fields = {"request_id": request_id, "tenant_id": tenant_id, "agent": "support", "input": "hello"}
    return fields | changes


def record(
    offset: int, value: Any = None, *, key: bytes | None = b"", partition: int | None = None, **more: Any
) -> Record:
    """A record at this offset: of a body, of bytes, or of an ordinary request of its own id."""
    value = body(f"r-{offset}") if value is None else value
    tenant = value.get("tenant_id", TENANT) if isinstance(value, dict) else TENANT
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    key = tenant.encode() if key == b"" else key
    right = partition_for(tenant.encode(), PARTITIONS)
    return Record(
        "agent.requests",
        right if partition is None else partition,
        offset,
        more.pop("timestamp_ms", 1_700_000_000_000),
        key,
        raw,
        tuple(more.pop("headers", ())),
    )


def partition_of(tenant_id: str) -> int:
    """Where a tenant's records stand."""
    return partition_for(tenant_id.encode(), PARTITIONS)


def tenants_on(partition: int, count: int) -> list[str]:
    """Tenants whose records stand on this partition."""
    names = (f"tenant-{number}" for number in range(100_000))
    return [name for name in names if partition_of(name) == partition][:count]
