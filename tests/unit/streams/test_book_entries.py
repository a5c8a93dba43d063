"""What counts of a response and of a usage record, and what does not count at all."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from schemas.codec import encode
from schemas.partitions import partition_for
from schemas.responses import AgentResponse, RunSpan, Status
from schemas.responses import Source as RequestSource
from schemas.usage import Purpose, UsageRecord, UsageState
from streams.book_entries import NO_AGENT, Unreadable, read
from streams.books import Entry, Finished, Paid, Source
from streams.topics import REQUEST_AGENT_HEADER

AT = datetime(2026, 11, 21, 12, 0, 5, 250_000, tzinfo=UTC)
AT_MS = 1_795_262_405_250
PARTITION = partition_for(b"acme", 12)


def response(**changes: Any) -> bytes:
    """A completed one; `changes` replace its fields."""
    fields: dict[str, Any] = {
        "response_id": "resp_1",
        "request_id": "r-1",
        "request_sha256": "0" * 64,
        "tenant_id": "acme",
        "agent": "support",
        "status": Status.COMPLETED,
        "finished_at": AT,
        "started_at": AT - timedelta(seconds=2),
        "admitted_at": AT - timedelta(seconds=3),
        "queued_ms": 1_000,
        "run_ms": 2_000,
        "source": RequestSource(topic="agent.requests", partition=PARTITION, offset=7),
    }
    return encode(AgentResponse(**{**fields, **changes}))


def usage(**changes: Any) -> bytes:
    """A settled one; `changes` replace its fields."""
    fields: dict[str, Any] = {
        "call_id": "acme/r-1/0.1/m1.1",
        "request_id": "r-1",
        "tenant_id": "acme",
        "agent": "Triage",
        "model": "gpt-5-mini",
        "purpose": Purpose.AGENT,
        "state": UsageState.SETTLED,
        "input_tokens": 100,
        "cached_tokens": 90,
        "output_tokens": 20,
        "reasoning_tokens": 5,
        "cost_usd": Decimal("0.0015"),
        "price_source": "test",
        "at": AT,
    }
    return encode(UsageRecord(**{**fields, **changes}))


def read_response(**changes: Any) -> Entry | Unreadable:
    """Such a response, read."""
    return read(Source.RESPONSES, response(**changes), (), PARTITION, 12)


def test_a_response_counts_at_its_end_with_its_times() -> None:
    assert read_response() == Finished(
        tenant_id="acme",
        agent="support",
        at_ms=AT_MS,
        status="completed",
        queued_ms=1_000,
        run_ms=2_000,
        runs=((AT_MS - 2_000, AT_MS),),
        admitted_ms=AT_MS - 3_000,
    )


def test_a_request_that_was_parked_has_several_runs() -> None:
    spans = (
        RunSpan(start=AT - timedelta(hours=2), end=AT - timedelta(hours=1)),
        RunSpan(start=AT - timedelta(seconds=1), end=AT),
    )

    entry = read_response(runs=spans)

    assert isinstance(entry, Finished)
    assert entry.runs == ((AT_MS - 7_200_000, AT_MS - 3_600_000), (AT_MS - 1_000, AT_MS))


def test_a_refused_request_neither_queued_nor_ran() -> None:
    entry = read_response(status=Status.REFUSED, started_at=None, admitted_at=None, queued_ms=3, run_ms=0)

    assert isinstance(entry, Finished)
    assert (entry.status, entry.queued_ms, entry.run_ms, entry.runs) == ("refused", None, None, ())
    assert entry.admitted_ms is None


def test_one_that_expired_in_the_queue_queued_and_never_ran() -> None:
    entry = read_response(status=Status.EXPIRED, started_at=None, queued_ms=30_000, run_ms=0)

    assert isinstance(entry, Finished)
    assert (entry.queued_ms, entry.run_ms) == (30_000, None)


def test_one_that_a_guardrail_refused_ran() -> None:
    entry = read_response(status=Status.REFUSED)

    assert isinstance(entry, Finished)
    assert (entry.queued_ms, entry.run_ms) == (1_000, 2_000)


def test_a_response_without_an_agent_counts_under_a_name_of_its_own() -> None:
    entry = read_response(agent=None)

    assert isinstance(entry, Finished)
    assert entry.agent == NO_AGENT


def test_costs_go_to_the_agent_that_was_asked() -> None:
    headers = [("schema", b"usage/1"), (REQUEST_AGENT_HEADER, b"support")]

    entry = read(Source.USAGE, usage(), headers, PARTITION, 12)

    assert entry == Paid("acme", "support", AT_MS, 120, Decimal("0.0015"))


def test_without_that_header_costs_go_to_the_agent_that_called() -> None:
    entry = read(Source.USAGE, usage(), (), PARTITION, 12)

    assert isinstance(entry, Paid)
    assert entry.agent == "Triage"


@pytest.mark.parametrize("source", list(Source))
@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"{}", b'{"tenant_id": 5}', b"\xff"])
def test_what_is_not_ours_does_not_count(source: Source, value: bytes | None) -> None:
    assert isinstance(read(source, value, (), PARTITION, 12), Unreadable)


def test_a_record_on_a_partition_that_is_not_its_tenants_does_not_count() -> None:
    entry = read(Source.RESPONSES, response(), (), PARTITION + 1, 12)

    assert isinstance(entry, Unreadable)
    assert "acme" in entry.reason
