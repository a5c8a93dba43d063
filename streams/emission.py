"""Outcome -> the records that tell it: response, usage, dead letter, the last delta."""

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from agents_defs.run_order import ModelCall
from schemas.codec import encode
from schemas.dead_letters import DeadLetter, DeadLetterSource, Original, dead_letter_id
from schemas.failures import FAILURES, Code
from schemas.record import WireRecord
from schemas.responses import (
    AgentResponse,
    ResponseError,
    RunSpan,
    Source,
    Status,
    UsageTotals,
    response_id,
)
from schemas.usage import UsageRecord
from schemas.versions import schema_header
from streams.answers import GENERATION_HEADER, PLACE_HEADER, REQUEST_HEADER, SHA_HEADER
from streams.audits import Finding, audit, of_command
from streams.deltas import DeltaFeed
from streams.flow import (
    Accepted,
    Answered,
    Emission,
    Invalid,
    Outcome,
    Parcel,
    Problem,
    Record,
    Rejected,
    fingerprint,
    identity,
)
from streams.parked import Parked, PendingApproval, encode_parked, parked_key
from streams.topics import REQUEST_AGENT_HEADER, TopicNames

Headers = list[tuple[str, bytes]]

RESPONSE_SCHEMA = schema_header("agent-response")
DELTA_HEADERS: Headers = [schema_header("delta")]
USAGE_HEADERS: Headers = [schema_header("usage")]
DEAD_LETTER_SCHEMA = schema_header("dead-letter")
TRACE_HEADERS = ("traceparent", "tracestate")
# What was recorded of such a run is of no use to another one.
STALE_JOURNAL = frozenset({Code.NONDETERMINISTIC_REPLAY, Code.AGENT_VERSION_GONE})
ROOM_BYTES = 2048  # of a record beside its value: key, headers, framing
LONGEST_KEY = 512
MOST_TIMES_TOO_LARGE = 8
TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
LONGEST_TRACE_HEADER = 512  # what the W3C asks to hand on at least


@dataclass(frozen=True, slots=True)
class Emissary:
    """Renders outcomes for one deployment's topics."""

    topics: TopicNames
    max_record_bytes: int

    def rejected(self, rejected: Rejected) -> Parcel:
        """A record that cannot be decoded: its dead letter."""
        problem = Problem(rejected.code, rejected.message)
        letter = self._dead_letter(
            rejected.record, problem, rejected.received_at, (rejected.tenant_id, rejected.request_id)
        )
        sha256 = fingerprint(rejected)
        letter.headers.append((SHA_HEADER, sha256.encode()))
        return Parcel(rejected.record.partition, (letter,), Answered(*identity(rejected), sha256))

    def outcome(
        self,
        candidate: Accepted | Invalid,
        outcome: Outcome,
        attempts: int,
        feed: DeltaFeed | None,
        at: datetime,
        *,
        parked: bool = False,
    ) -> tuple[Parcel, Outcome]:
        """All that an ended request comes to; the outcome comes back changed where it was too large.

        `parked`: it has a record on the parked topic, which is taken away with the outcome.
        """
        response = self._response(candidate, outcome, attempts, at)
        value = encode(response)
        if len(value) > self.max_record_bytes - ROOM_BYTES:
            outcome = too_large(outcome, len(value), self.max_record_bytes)
            value = encode(self._response(candidate, outcome, attempts, at))
        record = candidate.record
        partition, key = record.partition, record.key
        tenant_id, request_id = identity(candidate)
        headers = [
            RESPONSE_SCHEMA,
            (REQUEST_HEADER, request_id.encode()),
            ("status", outcome.status.encode()),
            (SHA_HEADER, candidate.sha256.encode()),  # what the ledger of answered ids is rebuilt from
            *([(GENERATION_HEADER, b"%d" % outcome.generation)] if outcome.generation else ()),
            *trace_headers(record),
        ]
        emissions = [Emission(self.topics.responses, partition, key, value, headers)]
        emissions += self.usage(candidate, outcome.calls, outcome.published, at)
        failed = outcome.status is Status.FAILED and outcome.problem is not None
        if outcome.problem is not None and failed:
            emissions.append(
                self._dead_letter(
                    record,
                    outcome.problem,
                    at,
                    (tenant_id, request_id),
                    attempts=attempts,
                    generation=outcome.generation,
                )
            )
        if parked:
            emissions.append(self.unparked(tenant_id, request_id, partition))
        if feed is not None:
            emissions += [
                Emission(self.topics.deltas, partition, key, value, DELTA_HEADERS)
                for value in feed.end(outcome.status, at)
            ]
        replayable = failed and outcome.problem is not None and outcome.problem.code not in STALE_JOURNAL
        answered = Answered(tenant_id, request_id, candidate.sha256, outcome.generation, replayable)
        return Parcel(partition, tuple(emissions), answered), outcome

    def usage(
        self,
        candidate: Accepted | Invalid,
        calls: Iterable[ModelCall],
        published: frozenset[str],
        at: datetime,
    ) -> list[Emission]:
        """A line of the books for each paid call that has none yet."""
        tenant_id, request_id = identity(candidate)
        record, paid_for = candidate.record, usage_headers(candidate)
        return [
            Emission(
                self.topics.usage,
                record.partition,
                record.key,
                encode(usage(call, request_id, tenant_id, at)),
                paid_for,
            )
            for call in calls
            if call.call_id not in published
        ]

    def deltas(self, accepted: Accepted, feed: DeltaFeed, at: datetime) -> list[Emission]:
        """What a feed holds, where nobody collects it."""
        record = accepted.record
        return [
            Emission(self.topics.deltas, record.partition, record.key, value, DELTA_HEADERS)
            for value in feed.collect(at)
        ]

    def approval_audit(self, accepted: Accepted, asked: PendingApproval, at: datetime) -> Emission:
        """That a tool call waits for people."""
        finding = Finding("waiting", None, asked.approval_id, accepted.request.request_id)
        entry = of_command(
            f"approval-{asked.approval_id}",
            at,
            "penstock",
            "approval_required",
            accepted.request.tenant_id,
            finding,
        )
        return audit(self.topics.audit, accepted.record.partition, accepted.record.key, entry)

    def parked(self, parked: Parked) -> Emission:
        """The record of a request that waits."""
        key = parked_key(parked.tenant_id, parked.request_id)
        return Emission(self.topics.parked, parked.record.partition, key, encode_parked(parked))

    def fits(self, parked: Emission) -> bool:
        """Whether a record can hold it."""
        return len(parked.value or b"") <= self.max_record_bytes - ROOM_BYTES

    def unparked(self, tenant_id: str, request_id: str, partition: int) -> Emission:
        """It waits no more."""
        return Emission(self.topics.parked, partition, parked_key(tenant_id, request_id), None)

    def _response(
        self, candidate: Accepted | Invalid, outcome: Outcome, attempts: int, at: datetime
    ) -> WireRecord:
        tenant_id, request_id = identity(candidate)
        record, problem = candidate.record, outcome.problem
        started, finished = outcome.started_at, outcome.finished_at or at
        ran = started is not None
        return AgentResponse(
            response_id=response_id(tenant_id, request_id, outcome.generation),
            generation=outcome.generation,
            request_id=request_id,
            request_sha256=candidate.sha256,
            tenant_id=tenant_id,
            status=outcome.status,
            output=outcome.output,
            error=None if problem is None else error(problem),
            usage=totals(outcome.calls),
            models=outcome.models,
            last_agent=outcome.last_agent,
            turns=outcome.turns,
            attempts=attempts if ran else 0,
            memory=outcome.memory,
            admitted_at=candidate.admitted_at if ran and isinstance(candidate, Accepted) else None,
            started_at=started,
            finished_at=finished,
            queued_ms=round(outcome.queued_s * 1000),
            run_ms=round(outcome.run_s * 1000),
            degraded=outcome.degraded,
            runs=tuple(RunSpan(start=start, end=end) for start, end in outcome.spans),
            trace_id=trace_id(record),
            source=Source(topic=record.topic, partition=record.partition, offset=record.offset),
            **what_was_asked(candidate),
        )

    def _dead_letter(
        self,
        record: Record,
        problem: Problem,
        at: datetime,
        whose: tuple[str | None, str | None],
        *,
        attempts: int = 0,
        generation: int = 0,
    ) -> Emission:
        tenant_id, request_id = whose
        row = FAILURES[problem.code]
        letter = DeadLetter(
            dead_letter_id=dead_letter_id(record.topic, record.partition, record.offset, generation),
            code=problem.code,
            stage=row.stage,
            retriable=row.retriable,
            message=problem.message,
            exception=problem.exception,
            stack=problem.stack,
            attempts=attempts,
            generation=generation,
            request_id=request_id,
            tenant_id=tenant_id,
            source=DeadLetterSource(
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                timestamp=moment(record.timestamp_ms),
            ),
            original=self._original(record),
            failed_at=at,
        )
        place = f"{record.partition}:{record.offset}".encode()
        headers = [
            DEAD_LETTER_SCHEMA,
            ("code", problem.code.encode()),
            (PLACE_HEADER, place),
            *trace_headers(record),
        ]
        return self._fitting(letter, record, headers)

    def _original(self, record: Record) -> Original:
        """The exact bytes, unless they were compressed to a fraction: unpacking them once is enough."""
        if len(record.value or b"") > MOST_TIMES_TOO_LARGE * self.max_record_bytes:
            return Original()
        return Original.of(record.key, record.value, record.headers)

    def _fitting(self, letter: DeadLetter, record: Record, headers: Headers) -> Emission:
        """A record that came compressed may be larger than what a topic takes: so its letter is, too."""
        topic, partition, key = self.topics.deadletter, record.partition, record.key
        value, limit = encode(letter), self.max_record_bytes - ROOM_BYTES
        whole = letter.original.value is not None or not record.value
        if whole and len(value) + len(key or b"") <= limit:
            return Emission(topic, partition, key, value, headers)
        if whole and len(zlib.compress(value + (key or b""), 1)) <= limit:
            return Emission(topic, partition, key, value, headers, packed=True)
        bare = letter.model_copy(
            update={
                "original": Original(),
                "message": f"{letter.message} (the record is too large to stand here: read it at its source)",
            }
        )
        return Emission(topic, partition, key and key[:LONGEST_KEY], encode(bare), headers)


def what_was_asked(candidate: Accepted | Invalid) -> dict[str, object]:
    """What the response repeats of the request, as far as it could be read."""
    if isinstance(candidate, Accepted):
        request = candidate.request
        return {
            "agent": candidate.spec.name,
            "agent_version": candidate.spec.version,
            "session_id": request.session_id,
            "metadata": request.metadata,
        }
    agent, session = candidate.document.get("agent"), candidate.document.get("session_id")
    return {
        "agent": agent if isinstance(agent, str) and len(agent) <= 256 else None,
        "session_id": session if isinstance(session, str) and len(session) <= 256 else None,
    }


def error(problem: Problem) -> ResponseError:
    """The problem as the response tells it."""
    return ResponseError.of(
        problem.code,
        problem.message,
        retry_after_ms=problem.retry_after_ms,
        retriable=problem.retriable,
    )


def totals(calls: tuple[ModelCall, ...]) -> UsageTotals:
    """The sum over all model calls."""
    if not calls:
        return UsageTotals()
    cost = sum((call.cost_usd for call in calls if call.cost_usd is not None), Decimal(0))
    return UsageTotals(
        model_calls=len(calls),
        input_tokens=sum(call.input_tokens for call in calls),
        cached_tokens=sum(call.cached_tokens for call in calls),
        output_tokens=sum(call.output_tokens for call in calls),
        reasoning_tokens=sum(call.reasoning_tokens for call in calls),
        cost_usd=cost,
    )


def usage_headers(candidate: Accepted | Invalid) -> Headers:
    """Of the usage records of a request: they name its agent, so that the books put the costs there."""
    if isinstance(candidate, Accepted):
        return [*USAGE_HEADERS, (REQUEST_AGENT_HEADER, candidate.spec.name.encode())]
    return USAGE_HEADERS


def usage(call: ModelCall, request_id: str, tenant_id: str, at: datetime) -> UsageRecord:
    """One line of the books."""
    return UsageRecord(
        call_id=call.call_id,
        request_id=request_id,
        tenant_id=tenant_id,
        agent=call.agent,
        model=call.model,
        purpose=call.purpose,
        state=call.state,
        input_tokens=call.input_tokens,
        cached_tokens=call.cached_tokens,
        output_tokens=call.output_tokens,
        reasoning_tokens=call.reasoning_tokens,
        cost_usd=call.cost_text,
        price_source=call.price_source,
        at=at,
    )


def too_large(outcome: Outcome, size: int, limit: int) -> Outcome:
    """An answer that no record can hold: the run is failed, its usage is kept."""
    return replace(
        outcome,
        status=Status.FAILED,
        output=None,
        new_items=(),
        problem=Problem(
            Code.OUTPUT_TOO_LARGE,
            f"the response would have {size} bytes, a record holds {limit}: "
            "ask for a shorter answer, or let the agent store it and return a reference",
        ),
    )


def trace_headers(record: Record) -> Headers:
    """The trace context that the request brought, handed on; not what is too long to be one."""
    if not record.headers:
        return []
    brought = {name: value for name, value in record.headers if name in TRACE_HEADERS and value is not None}
    return [(name, value) for name, value in brought.items() if len(value) <= LONGEST_TRACE_HEADER]


def moment(timestamp_ms: int) -> datetime | None:
    """A record's timestamp, where it is one: producers may write any number."""
    try:
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def trace_id(record: Record) -> str | None:
    """The trace id of a W3C traceparent header, if there is one."""
    for name, value in record.headers:
        if name == "traceparent" and value:
            found = TRACEPARENT.match(value)
            return found[1].decode() if found else None
    return None
