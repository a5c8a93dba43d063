"""The books' arithmetic: how outcomes and paid calls add up to a tenant's windows, and what is published.

All of it is sums, so the order of outcomes and calls does not matter; and each is counted once, however often
it is read, because a tenant's book knows how far it has read each source. No clock, no I/O.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from schemas.metrics import MetricsRecord, Percentiles, StatusCounts
from streams.policy.gates import What
from streams.policy.histograms import Histogram
from streams.policy.quotas import QuotaState
from streams.policy.windows import Per
from streams.tables import SLIDING_BUCKET_MS, SLIDING_BUCKETS, WINDOWS

WINDOW_MS = WINDOWS.window_s * 1000
GRACE_MS = WINDOWS.grace_s * 1000
STATUSES = tuple(StatusCounts.model_fields)
MOST_AGENTS = 64  # agents of one tenant in one window; refused requests may name what they like
OTHER_AGENTS = "(other)"


SpanKey = tuple[What, Per, str]  # what counts, in which window, of requests to which agent; "": to all


class Source(StrEnum):
    """The two topics that the books are kept from."""

    RESPONSES = "responses"
    USAGE = "usage"


@dataclass(frozen=True, slots=True)
class Finished:
    """What counts of one response."""

    tenant_id: str
    agent: str
    at_ms: int
    status: str
    queued_ms: int | None = None  # None: it never stood in the queue
    run_ms: int | None = None  # None: it never ran
    runs: tuple[tuple[int, int], ...] = ()  # start and end of each, in milliseconds
    admitted_ms: int | None = None

    source = Source.RESPONSES


@dataclass(frozen=True, slots=True)
class Paid:
    """What counts of one usage record."""

    tenant_id: str
    agent: str
    at_ms: int
    tokens: int
    cost_usd: Decimal

    source = Source.USAGE


Entry = Finished | Paid


@dataclass(slots=True)
class Tally:
    """One window of one tenant and agent."""

    counts: list[int] = field(default_factory=lambda: [0] * len(STATUSES))
    queued: Histogram = field(default_factory=Histogram)
    ran: Histogram = field(default_factory=Histogram)
    in_flight: int = 0
    tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    changed: bool = True  # since it was published; a restart does not remember


@dataclass(slots=True)
class TenantBook:
    """All that is kept of one tenant."""

    tenant_id: str
    partition: int
    next_offset: dict[Source, int]  # what lies before was counted
    windows: dict[tuple[int, str], Tally] = field(default_factory=dict)  # by start (ms) and agent
    admitted: dict[int, int] = field(
        default_factory=dict
    )  # requests that were started, by bucket of a second
    month: QuotaState | None = None  # of tenants with a quota
    spans: dict[SpanKey, dict[int, int]] = field(default_factory=dict)  # of limits, by bucket of a window


@dataclass(slots=True)
class PartitionMark:
    """Up to where a partition is settled: windows before `closed_until` are closed and never opened again."""

    closed_until: int = 0  # milliseconds, the start of a window
    next_offset: dict[Source, int] = field(default_factory=lambda: dict.fromkeys(Source, 0))


class Counted(StrEnum):
    """What became of an entry."""

    ONCE = "once"
    LATE = "late"  # its window is closed: it counts in the earliest that is not
    REPEATED = "repeated"  # it was counted before


def window_of(at_ms: int) -> int:
    """The start of the window that a time falls into."""
    return at_ms - at_ms % WINDOW_MS


def enter(book: TenantBook, entry: Entry, offset: int, closed_until: int) -> Counted:
    """Count an entry that stands at this offset of its source."""
    if offset < book.next_offset[entry.source]:
        return Counted.REPEATED
    book.next_offset[entry.source] = offset + 1
    start = window_of(entry.at_ms)
    tally = _tally(book, max(start, closed_until), entry.agent)
    if isinstance(entry, Paid):
        tally.tokens += entry.tokens
        tally.cost_usd += entry.cost_usd
    else:
        tally.counts[STATUSES.index(entry.status)] += 1
        if entry.queued_ms is not None:
            tally.queued.add(entry.queued_ms)
        if entry.run_ms is not None:
            tally.ran.add(entry.run_ms)
        _count_in_flight(book, entry, closed_until)
        _count_admitted(book, entry)
    return Counted.ONCE if start >= closed_until else Counted.LATE


def _tally(book: TenantBook, start: int, agent: str) -> Tally:
    tally = book.windows.get((start, agent))
    if tally is None:
        if sum(1 for other, _ in book.windows if other == start) >= MOST_AGENTS and agent != OTHER_AGENTS:
            return _tally(book, start, OTHER_AGENTS)
        tally = book.windows[start, agent] = Tally()
    tally.changed = True
    return tally


def _count_in_flight(book: TenantBook, entry: Finished, closed_until: int) -> None:
    """A run was in flight at each window's end that fell into it; the ones too long ago are closed."""
    for began, ended in entry.runs:
        earliest = max(began + 1, ended - GRACE_MS)
        for end in range(-(-earliest // WINDOW_MS) * WINDOW_MS, ended, WINDOW_MS):
            if end - WINDOW_MS >= closed_until:
                _tally(book, end - WINDOW_MS, entry.agent).in_flight += 1


def _count_admitted(book: TenantBook, entry: Finished) -> None:
    if entry.admitted_ms is None:
        return
    bucket = entry.admitted_ms // SLIDING_BUCKET_MS
    newest = max(book.admitted, default=bucket)
    if bucket < newest - SLIDING_BUCKETS:
        return
    book.admitted[bucket] = book.admitted.get(bucket, 0) + 1
    if bucket > newest:
        for old in [number for number in book.admitted if number < bucket - SLIDING_BUCKETS]:
            del book.admitted[old]


def requests_used(book: TenantBook, at_ms: int) -> int:
    """Requests in the sliding minute that ends now, as admission counts them, of those that have finished."""
    present = at_ms // SLIDING_BUCKET_MS
    return sum(n for bucket, n in book.admitted.items() if present - SLIDING_BUCKETS <= bucket <= present)


def due(book: TenantBook, closed_until: int) -> Iterator[tuple[int, str]]:
    """The windows to close when the partition is settled up to there."""
    return (key for key in sorted(book.windows) if key[0] < closed_until)


def close(book: TenantBook, windows: Iterable[tuple[int, str]]) -> bool:
    """Forget these windows. True when none is left."""
    for key in list(windows):
        del book.windows[key]
    return not book.windows


def metrics(book: TenantBook, start: int, agent: str) -> MetricsRecord:
    """One window as it is published."""
    tally = book.windows[start, agent]
    return MetricsRecord(
        window_start=datetime.fromtimestamp(start // 1000, UTC),
        window_s=WINDOWS.window_s,
        tenant_id=book.tenant_id,
        agent=agent,
        counts=StatusCounts(**dict(zip(STATUSES, tally.counts, strict=True))),
        queued_ms=_percentiles(tally.queued),
        run_ms=_percentiles(tally.ran),
        tokens=tally.tokens,
        cost_usd=tally.cost_usd,
        in_flight=tally.in_flight,
    )


def _percentiles(histogram: Histogram) -> Percentiles | None:
    if not histogram:
        return None
    p50, p95, p99 = histogram.percentiles(50, 95, 99)
    return Percentiles(p50=p50, p95=p95, p99=p99)
