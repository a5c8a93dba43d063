"""Parked: one request that waits outside of its partition's offsets, as it stands on `<app_id>-parked`."""

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson

from schemas.requests import Priority
from schemas.text import writable_json
from schemas.times import format_at, parse_at
from streams.asked import Asked, read_asked, told_asked
from streams.flow import Record


class ParkReason(StrEnum):
    """Why it waits."""

    NOT_BEFORE = "not_before"  # its time has not come; holds nobody
    WINDOW = "window"  # its tenant's window is full
    PAUSED = "paused"  # its tenant is paused
    RETRY = "retry"  # a call of its run is to be tried again later
    APPROVAL = "approval"  # its run waits for people
    ASKED = "asked"  # its run waits for other agents
    DECIDED = "decided"  # they decided, or replied: it goes on at once
    SESSION = "session"  # an earlier request of its session waits
    RUNNING = "running"  # it runs for long: the run goes on beside its record here
    REPLAY = "replay"  # an operator asked for the next generation
    OVERFLOW = "overflow"  # its tenant has as many in the pipeline as it may


HOLDS_NOBODY = frozenset({ParkReason.NOT_BEFORE, ParkReason.REPLAY})
"""Of the others a session's followers wait for the outcome."""


@dataclass(frozen=True, slots=True)
class PendingApproval:
    """A tool call that waits for a decision, or has it."""

    approval_id: str
    tool: str
    call_id: str
    agent: str
    arguments: str
    arguments_digest: str
    expires_at: datetime
    approved: bool | None = None  # None: nobody decided yet
    actor: str | None = None
    reason: str | None = None
    decided_at: datetime | None = None

    def shown(self) -> dict[str, Any]:
        """What the people who decide are shown, as the delta has it."""
        try:
            arguments = orjson.loads(self.arguments) if self.arguments else {}
        except ValueError:
            arguments = self.arguments
        return {
            "approval_id": self.approval_id,
            "tool": self.tool,
            "arguments": arguments,
            "arguments_digest": self.arguments_digest,
            "expires_at": format_at(self.expires_at),
        }


@dataclass(frozen=True, slots=True)
class Parked:
    """All that whoever owns the partition next needs to go on with the request."""

    tenant_id: str
    request_id: str
    sha256: str
    reason: ParkReason
    record: Record  # the exact bytes, and where they stood
    received_at: datetime
    due_at: datetime | None  # None: something else than time ends the wait
    order: int = -1  # its place in its session; -1: its offset
    session_id: str | None = None
    deadline: datetime | None = None
    generation: int = 0
    attempt: int = 0  # the last one; 0: none was started
    started: bool = False  # a run of it was started: it holds its session
    published_calls: tuple[str, ...] = ()  # ids of calls whose usage is published
    approvals: tuple[PendingApproval, ...] = ()
    spans: tuple[tuple[datetime, datetime], ...] = ()  # of its runs so far
    queued_s: float | None = None  # until its first run
    priority: Priority = Priority.STANDARD
    counted_at: datetime | None = None  # when it was admitted, if it had to wait for that
    asked: tuple[Asked, ...] = ()  # of other agents

    @property
    def identity(self) -> tuple[str, str]:
        """Tenant id and request id."""
        return self.tenant_id, self.request_id

    @property
    def replayed_at(self) -> datetime | None:
        """When it was replayed, if it was: what was said of it before was about an earlier generation."""
        return self.received_at if self.generation else None

    @property
    def place_in_session(self) -> int:
        """What its session's requests are ordered by."""
        return self.record.offset if self.order < 0 else self.order

    @property
    def holds(self) -> bool:
        """Whether followers in its session wait for it."""
        return self.session_id is not None and (self.started or self.reason not in HOLDS_NOBODY)


def parked_key(tenant_id: str, request_id: str) -> bytes:
    """The record's key; the tenant's length first, so that no pair of ids can be mistaken for another."""
    return f"{len(tenant_id)}:{tenant_id}:{request_id}".encode()


def identity_of(key: bytes) -> tuple[str, str]:
    """Tenant id and request id of a key. Raises ValueError."""
    length, _, rest = key.decode().partition(":")
    size = int(length)
    return rest[:size], rest[size + 1 :]


def encode_parked(parked: Parked) -> bytes:
    """The value of its record."""
    told = _told_parked(parked)
    try:
        return orjson.dumps(told)
    except TypeError:  # half a letter, which a provider may send
        return json.dumps(writable_json(told)).encode()


def _told_parked(parked: Parked) -> dict[str, Any]:
    record, overflow = parked.record, parked.reason is ParkReason.OVERFLOW
    return {
        "version": 1,
        "tenant_id": parked.tenant_id,
        "request_id": parked.request_id,
        "generation": parked.generation,
        "sha256": parked.sha256,
        "session_id": parked.session_id,
        "order": parked.order,
        "reason": _as_known(parked.reason),
        "overflow": overflow,
        "due_at": _told(parked.received_at if overflow else parked.due_at),
        "deadline": _told(parked.deadline),
        "received_at": _told(parked.received_at),
        "attempt": parked.attempt,
        "started": parked.started,
        "published_calls": parked.published_calls,
        "approvals": [_told_approval(one) for one in parked.approvals],
        "spans": [[_told(start), _told(end)] for start, end in parked.spans],
        "queued_s": parked.queued_s,
        "priority": parked.priority,
        "counted_at": _told(parked.counted_at),
        "asked": [told_asked(one) for one in parked.asked],
        "source": {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "timestamp_ms": record.timestamp_ms,
        },
        "original": {
            "key": _base64(record.key),
            "value": _base64(record.value),
            "headers": [[name, _base64(value)] for name, value in record.headers],
        },
    }


def _as_known(reason: ParkReason) -> ParkReason:
    """As versions before read it, which know neither of the two.

    An overflow is a window that has opened to them: it goes on there, too. Who waits for agents waits for
    people to them, of whom nobody is asked: until a newer version owns the partition, or its deadline.
    """
    known = {ParkReason.OVERFLOW: ParkReason.WINDOW, ParkReason.ASKED: ParkReason.APPROVAL}
    return known.get(reason, reason)


def _reason(told: dict[str, Any], asked: Sequence[Asked]) -> ParkReason:
    reason = ParkReason.OVERFLOW if told.get("overflow", False) else ParkReason(told["reason"])
    waits = reason is ParkReason.APPROVAL and any(one.reply is None for one in asked)
    return ParkReason.ASKED if waits else reason


def decode_parked(value: bytes) -> Parked:
    """The reverse; fields that a newer version adds are ignored. Raises ValueError."""
    try:
        return _parked(orjson.loads(value))
    except (KeyError, TypeError) as error:
        raise ValueError(f"no parked request: {error!r}") from error


def _parked(told: dict[str, Any]) -> Parked:
    tenant_id, overflow = told["tenant_id"], told.get("overflow", False)
    asked = tuple(read_asked(one) for one in told.get("asked", ()))
    return Parked(
        tenant_id=tenant_id,
        request_id=told["request_id"],
        sha256=told["sha256"],
        reason=_reason(told, asked),
        record=_record(told["source"], told["original"]),
        received_at=parse_at(told["received_at"]),
        due_at=None if overflow else _moment(told["due_at"]),
        order=told["order"],
        session_id=told["session_id"],
        deadline=_moment(told["deadline"]),
        generation=told["generation"],
        attempt=told["attempt"],
        started=told["started"],
        published_calls=tuple(told["published_calls"]),
        approvals=tuple(_approval(one) for one in told["approvals"]),
        spans=tuple((parse_at(start), parse_at(end)) for start, end in told["spans"]),
        queued_s=told["queued_s"],
        priority=Priority(told.get("priority", Priority.STANDARD)),
        counted_at=_moment(told.get("counted_at")),
        asked=asked,
    )


def _record(source: dict[str, Any], original: dict[str, Any]) -> Record:
    return Record(
        source["topic"],
        source["partition"],
        source["offset"],
        source["timestamp_ms"],
        _bytes(original["key"]),
        _bytes(original["value"]),
        _headers(original["headers"]),
    )


def _headers(told: Sequence[Sequence[Any]]) -> Sequence[tuple[str, bytes]]:
    return tuple((name, _bytes(value) or b"") for name, value in told)


def _told_approval(one: PendingApproval) -> dict[str, Any]:
    return {
        "approval_id": one.approval_id,
        "tool": one.tool,
        "call_id": one.call_id,
        "agent": one.agent,
        "arguments": one.arguments,
        "arguments_digest": one.arguments_digest,
        "expires_at": _told(one.expires_at),
        "approved": one.approved,
        "actor": one.actor,
        "reason": one.reason,
        "decided_at": _told(one.decided_at),
    }


def _approval(told: dict[str, Any]) -> PendingApproval:
    moments = {"expires_at": parse_at(told["expires_at"]), "decided_at": _moment(told["decided_at"])}
    return PendingApproval(**(told | moments))


def _told(at: datetime | None) -> str | None:
    return None if at is None else format_at(at)


def _moment(told: str | None) -> datetime | None:
    return None if told is None else parse_at(told)


def _base64(raw: bytes | None) -> str | None:
    return None if raw is None else b64encode(raw).decode()


def _bytes(told: str | None) -> bytes | None:
    return None if told is None else b64decode(told)


@dataclass(frozen=True, slots=True)
class ParkedPlace:
    """Where the latest record of a parked request stands on the parked topic."""

    partition: int
    offset: int
