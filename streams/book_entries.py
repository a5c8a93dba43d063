"""Bytes -> entries: what the books take from a response or a usage record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.codec import Undecodable, decode
from schemas.invalid_fields import InvalidField
from schemas.partitions import partition_for
from schemas.responses import AgentResponse, Status
from schemas.usage import UsageRecord
from streams.books import Entry, Finished, Paid, Source
from streams.topics import REQUEST_AGENT_HEADER

Headers = Sequence[tuple[str, bytes]]

NO_AGENT = "unknown"  # a request that named none


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that does not count: not one of ours."""

    source: Source
    reason: str


def read(
    source: Source, value: bytes | None, headers: Headers, partition: int, partitions: int
) -> Entry | Unreadable:
    """The entry that a record comes to."""
    try:
        entry = _response(value) if source is Source.RESPONSES else _usage(value, headers)
    except (Undecodable, InvalidField) as error:
        return Unreadable(source, str(error))
    if partition_for(entry.tenant_id.encode(), partitions) != partition:
        return Unreadable(source, f"tenant {entry.tenant_id!r} does not belong to partition {partition}")
    return entry


def _response(value: bytes | None) -> Finished:
    response = decode(AgentResponse, value)
    started = response.started_at
    ran = started is not None or response.status is Status.COMPLETED
    spans = [(run.start, run.end) for run in response.runs]
    if not spans and started is not None:
        spans = [(started, response.finished_at)]
    return Finished(
        tenant_id=response.tenant_id,
        agent=response.agent or NO_AGENT,
        at_ms=_ms(response.finished_at),
        status=response.status.value,
        queued_ms=response.queued_ms if ran or response.status is not Status.REFUSED else None,
        run_ms=response.run_ms if ran else None,
        runs=tuple((_ms(start), _ms(end)) for start, end in spans),
        admitted_ms=None if response.admitted_at is None else _ms(response.admitted_at),
    )


def _usage(value: bytes | None, headers: Headers) -> Paid:
    usage = decode(UsageRecord, value)
    return Paid(
        tenant_id=usage.tenant_id,
        agent=_request_agent(headers) or usage.agent,
        at_ms=_ms(usage.at),
        tokens=usage.input_tokens + usage.output_tokens,
        cost_usd=usage.cost_usd,
    )


def _request_agent(headers: Headers) -> str | None:
    for name, value in headers:
        if name == REQUEST_AGENT_HEADER and value:
            return value.decode("utf-8", "replace")
    return None


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
