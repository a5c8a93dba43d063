"""Every topic as data: name, key, value, partitions, retention, writer, reader."""

from dataclasses import dataclass
from typing import Literal

DAY_MS = 24 * 3600 * 1000
MIB = 1024 * 1024
NOBODY = "nobody yet"  # the topic is part of the contract, what uses it is still to come
MINUTE_MS = 60 * 1000

# How a client reports who wrote a record's timestamp; 0 is the producer.
LOG_APPEND_TIME = 1

# On usage records: the agent that was asked. The record's own made the call, and may be a sub-agent.
REQUEST_AGENT_HEADER = "request-agent"

Key = Literal["tenant", "agent", "tenant or source key", "tenant and request"]


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. `name` lacks the prefix (or, for internal ones, the app id)."""

    name: str
    schema: str
    what: str
    written_by: str
    read_by: str
    key: Key = "tenant"
    internal: bool = False
    compacted: bool = False
    retention_ms: int | None = None
    max_message_bytes: int = MIB
    settings: tuple[tuple[str, str], ...] = ()  # beyond the usual

    def full_name(self, prefix: str, app_id: str) -> str:
        """The topic's name on the broker."""
        return f"{app_id}-{self.name}" if self.internal else f"{prefix}{self.name}"

    def config(self) -> dict[str, str]:
        """What the topic is created with, and checked for."""
        config = {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "max.message.bytes": str(self.max_message_bytes),
        }
        if self.retention_ms is not None:
            config["retention.ms"] = str(self.retention_ms)
        return config | dict(self.settings)


REQUESTS = Topic(
    "requests",
    "agent-request",
    "work to do",
    "users, execution",
    "intake",
    retention_ms=7 * DAY_MS,
    # So that the largest size holds for what a record is unpacked, too: a small one could hold a gigabyte.
    settings=(("compression.type", "uncompressed"),),
)
RESPONSES = Topic(
    "responses",
    "agent-response",
    "one terminal record per request",
    "emission",
    "users, books, the ledger of answered ids",
    retention_ms=7 * DAY_MS,
    max_message_bytes=4 * MIB,
)
DELTAS = Topic(
    "deltas",
    "delta",
    "tokens and events of runs as they happen",
    "execution, emission",
    "users",
    retention_ms=DAY_MS,
)
USAGE = Topic(
    "usage",
    "usage",
    "one record per paid model call",
    "emission",
    "books, billing",
    retention_ms=90 * DAY_MS,
)
METRICS = Topic(
    "metrics",
    "metrics",
    "windowed aggregates per tenant and agent",
    "books",
    "dashboards",
    retention_ms=7 * DAY_MS,
)
DEADLETTER = Topic(
    "deadletter",
    "dead-letter",
    "what could not be done, with the original bytes",
    "emission",
    "operators, the ledger of answered ids",
    key="tenant or source key",
    retention_ms=30 * DAY_MS,
    max_message_bytes=4 * MIB,
)
CONTROL = Topic(
    "control",
    "control",
    "cancel, approve, reject, pause, resume, replay",
    "users, operators",
    "the control desk",
    retention_ms=7 * DAY_MS,
)
AUDIT = Topic(
    "audit",
    "audit",
    "who did what",
    "the control desk, emission, operators, books",
    "compliance",
    key="tenant or source key",
    retention_ms=90 * DAY_MS,
)
TENANTS = Topic(
    "tenants",
    "tenant-plan",
    "one plan per tenant",
    "operators, plans",
    "plans, books",
    compacted=True,
)
RELEASES = Topic(
    "releases",
    "release",
    "which versions of an agent serve",
    "operators",
    NOBODY,
    key="agent",
    compacted=True,
)
PARKED = Topic(
    "parked",
    "parked",
    "requests that wait outside of their partition's offsets: their bytes and why they wait",
    "emission",
    "the ledger of answered ids, parking",
    key="tenant and request",
    internal=True,
    compacted=True,
    max_message_bytes=4 * MIB,
    settings=(
        # A new owner reads the whole partition: what was superseded or is done should be gone soon.
        ("segment.ms", str(10 * MINUTE_MS)),
        ("segment.bytes", str(64 * MIB)),
        ("min.cleanable.dirty.ratio", "0.2"),
        ("delete.retention.ms", str(60 * MINUTE_MS)),
    ),
)
BOOKS_WINDOWS = Topic(
    "books-windows-changelog",
    "books-window",
    "changelog of the books' windows",
    "books",
    "books",
    internal=True,
    compacted=True,
    max_message_bytes=4 * MIB,
    settings=(
        # Each change writes a tenant's whole value anew, and a restart reads all that is not compacted yet.
        ("segment.ms", str(2 * MINUTE_MS)),
        ("segment.bytes", str(16 * MIB)),
        ("min.cleanable.dirty.ratio", "0.1"),
        # A value that a zombie wrote over is there until its windows are closed; see streams/tables.py.
        ("min.compaction.lag.ms", str(5 * MINUTE_MS)),
        ("delete.retention.ms", str(60 * MINUTE_MS)),
    ),
)

TOPICS: tuple[Topic, ...] = (
    REQUESTS,
    RESPONSES,
    DELTAS,
    USAGE,
    METRICS,
    DEADLETTER,
    CONTROL,
    AUDIT,
    TENANTS,
    RELEASES,
    PARKED,
    BOOKS_WINDOWS,
)


@dataclass(frozen=True, slots=True)
class TopicNames:
    """The names that the hot path writes to, put together once."""

    requests: str
    responses: str
    deltas: str
    usage: str
    metrics: str
    deadletter: str
    control: str
    audit: str
    tenants: str
    parked: str


def topic_names(prefix: str, app_id: str) -> TopicNames:
    """The names of one deployment's topics."""
    named = (REQUESTS, RESPONSES, DELTAS, USAGE, METRICS, DEADLETTER, CONTROL, AUDIT, TENANTS, PARKED)
    return TopicNames(*(topic.full_name(prefix, app_id) for topic in named))
