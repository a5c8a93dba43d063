"""Records to facts: what a request, a response, a dead letter or a usage record says that is judged."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from sys import intern
from typing import Any

from app.verify.facts import Answer, Asked, Letter, Span, Sums
from app.verify.records import Record
from schemas.canonical import canonical_json, request_sha256
from schemas.codec import decode
from schemas.dead_letters import DeadLetter
from schemas.envelope import read_request
from schemas.partitions import partition_for
from schemas.responses import AgentResponse, UsageTotals, response_id
from schemas.times import parse_at
from schemas.usage import Purpose, UsageRecord, UsageState

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Paid:
    """A record on the usage topic."""

    offset: int
    name: str
    call_id: str
    unknown: bool
    shadow: bool
    offline: bool
    """Answered inside the worker: no provider has it in a ledger."""
    sums: Sums


def fingerprint(key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes | None], ...]) -> int:
    """Of the exact bytes. Seeded anew in each process, so nobody can make two that are alike."""
    return hash((key, value, headers))


def asked(record: Record, partitions: int, max_bytes: int) -> Asked:
    """A request, or what cannot be decoded and why."""
    mark = fingerprint(record.key, record.value, record.headers)
    found = Asked(record.offset, record.timestamp_ms, mark)
    size = len(record.value or b"")
    if size > max_bytes:
        found.defect = f"it has {size} bytes"
        return found
    headers = [(name, value) for name, value in record.headers if value is not None]
    try:
        envelope = read_request(record.value, headers)
        sha256 = request_sha256(envelope.document)
    except ValueError as error:
        found.defect = str(error)
        return found
    key = envelope.tenant_id.encode()
    if record.key != key:
        found.defect = "its key is not its tenant_id"
    elif partition_for(key, partitions) != record.partition:
        found.defect = f"it belongs on partition {partition_for(key, partitions)}"
    else:
        _fill(found, envelope.document, sha256)
    return found


def _fill(found: Asked, document: dict[str, Any], sha256: str) -> None:
    tenant = document["tenant_id"]
    found.name = f"{tenant}/{document['request_id']}"
    found.sha = hash(sha256)
    session, user = document.get("session_id"), document.get("user_id")
    if isinstance(session, str):
        found.session = f"{tenant}/{session}"
    if isinstance(user, str):
        found.user = user
    found.stream = document.get("stream") is True
    found.deferred = _is_after(document.get("not_before"), found.timestamp_ms)


def _is_after(text: object, at_ms: int) -> bool:
    try:
        return isinstance(text, str) and ms(parse_at(text)) > at_ms
    except ValueError:
        return False


def answer(record: Record) -> Answer:
    """ValueError where it is no response."""
    said = decode(AgentResponse, record.value)
    text = isinstance(said.output, str)
    derived = response_id(said.tenant_id, said.request_id, said.generation)
    if record.key != said.tenant_id.encode():
        raise ValueError("its key is not its tenant_id")
    return Answer(
        offset=record.offset,
        timestamp_ms=record.timestamp_ms,
        name=f"{said.tenant_id}/{said.request_id}",
        agent=said.agent and intern(said.agent),
        generation=said.generation,
        status=intern(said.status.value),
        code=intern(said.error.code) if said.error else None,
        sha=hash(said.request_sha256),
        source_topic=intern(said.source.topic),
        source_partition=said.source.partition,
        source_offset=said.source.offset,
        id_is_derived=said.response_id == derived,
        totals=_totals(said.usage),
        attempts=said.attempts,
        admitted_ms=None if said.admitted_at is None else ms(said.admitted_at),
        started_ms=None if said.started_at is None else ms(said.started_at),
        finished_ms=ms(said.finished_at),
        runs=tuple(Span(ms(run.start), ms(run.end)) for run in said.runs),
        output_is_text=text,
        output=hash(said.output) if text else json_hash(said.output),
    )


def json_hash(value: Any) -> int:
    """The same for JSON that is the same."""
    return hash(canonical_json(value))


def _totals(said: UsageTotals) -> Sums:
    return Sums(
        said.model_calls,
        said.input_tokens,
        said.cached_tokens,
        said.output_tokens,
        said.reasoning_tokens,
        said.cost_usd,
    )


def letter(record: Record) -> tuple[Letter, str, int]:
    """A dead letter, and the topic and partition of what it is about. ValueError where it is none."""
    said = decode(DeadLetter, record.value)
    try:
        mark: int | None = fingerprint(*said.original.raw())
    except ValueError:
        mark = None
    known = said.tenant_id is not None and said.request_id is not None
    found = Letter(
        offset=record.offset,
        code=intern(said.code),
        generation=said.generation,
        name=f"{said.tenant_id}/{said.request_id}" if known else None,
        source_offset=said.source.offset,
        fingerprint=mark,
    )
    return found, said.source.topic, said.source.partition


def paid(record: Record) -> Paid:
    """ValueError where it is no usage record."""
    said = decode(UsageRecord, record.value)
    if record.key != said.tenant_id.encode():
        raise ValueError("its key is not its tenant_id")
    return Paid(
        offset=record.offset,
        name=f"{said.tenant_id}/{said.request_id}",
        call_id=said.call_id,
        unknown=said.state is UsageState.UNKNOWN,
        shadow=said.purpose is Purpose.SHADOW,
        offline=said.price_source == "offline",
        sums=Sums(
            1,
            said.input_tokens,
            said.cached_tokens,
            said.output_tokens,
            said.reasoning_tokens,
            Decimal(said.cost_usd),
        ),
    )


def ms(at: datetime) -> int:
    """Milliseconds since 1970, exactly."""
    since = at - _EPOCH
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
