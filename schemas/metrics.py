"""MetricsRecord: one window of one tenant and agent; the value of the metrics topic."""

from decimal import Decimal

from pydantic import Field

from schemas.fields import Count, Milliseconds, Positive
from schemas.money import Usd
from schemas.record import WireRecord
from schemas.times import At


class Percentiles(WireRecord):
    p50: Milliseconds
    p95: Milliseconds
    p99: Milliseconds


class StatusCounts(WireRecord):
    completed: Count = 0
    refused: Count = 0
    failed: Count = 0
    cancelled: Count = 0
    expired: Count = 0


class MetricsRecord(WireRecord):
    """May be sent again: the last one per window, tenant and agent holds."""

    window_start: At
    window_s: Positive = 60
    tenant_id: str
    agent: str
    counts: StatusCounts = Field(default_factory=StatusCounts)
    """Outcomes in this window, by status."""
    queued_ms: Percentiles | None = None
    """Absent where nothing left the queue in this window."""
    run_ms: Percentiles | None = None
    """Absent where nothing ran to its end in this window."""
    tokens: Count = 0
    """Input and output, cached and reasoning included."""
    cost_usd: Usd = Decimal(0)
    in_flight: Count = 0
    """Runs under way when the window closed."""
