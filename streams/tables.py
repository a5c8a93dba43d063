"""Every table as data: name, key, window, changelog, partitions."""

from dataclasses import dataclass

from streams.policy.windows import BUCKETS, SECONDS
from streams.topics import BOOKS_WINDOWS, Topic


@dataclass(frozen=True, slots=True)
class Table:
    """One table. Its changelog has as many partitions as the topics, and a tenant's is the tenant's own."""

    name: str
    key: str
    value: str
    window_s: int
    grace_s: int  # how long after its end a window is kept open for what comes late
    backlog_s: int  # as grace_s, while a backlog is read and nobody knows yet how far behind we are
    changelog: Topic


WINDOWS = Table(
    name="windows",
    key="tenant_id; or # and the partition's number",
    value="the tenant's open windows, one tally per minute and agent, and its sliding count of requests; "
    "or up to when the partition's windows are closed",
    window_s=60,
    grace_s=60,
    backlog_s=900,
    changelog=BOOKS_WINDOWS,
)

TABLES: tuple[Table, ...] = (WINDOWS,)

# Admission enforces requests per minute in sixty buckets; the books count them in the same ones.
SLIDING_BUCKET_MS = SECONDS["minute"] * 1000 // BUCKETS["minute"]
SLIDING_BUCKETS = BUCKETS["minute"]


def books_app_id(app_id: str) -> str:
    """The Faust app that keeps the tables; its consumer group has the same name."""
    return f"{app_id}-books"
