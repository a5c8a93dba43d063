"""What operators look at: requests that wait, tool calls, dead letters, audits, and their records."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from app.client.record_filter import Raw
from schemas.audit import AuditRecord
from schemas.codec import encode
from schemas.dead_letters import DeadLetter, DeadLetterSource, Original, dead_letter_id
from schemas.failures import FAILURES, Code
from streams.flow import Record
from streams.parked import Parked, ParkReason, PendingApproval, encode_parked, parked_key

AT = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
AT_MS = int(AT.timestamp() * 1000)
REQUESTS = "agent.requests"
REQUEST = {"request_id": "r-1", "tenant_id": "acme", "agent": "support@1", "input": "Where is order 7?"}


def approval(approval_id: str = "a1b2", **changes: Any) -> PendingApproval:
    """A tool call that nobody decided about."""
    fields: dict[str, Any] = {
        "approval_id": approval_id,
        "tool": "refund",
        "call_id": "call_1",
        "agent": "billing",
        "arguments": '{"order": 7, "usd": "20.00"}',
        "arguments_digest": f"digest-of-{approval_id}",
        "expires_at": AT + timedelta(hours=1),
    }
    return PendingApproval(**(fields | changes))


def parked(request_id: str = "r-1", tenant_id: str = "acme", **changes: Any) -> Parked:
    """A request that waits for a person, or for what the changes say."""
    request = orjson.dumps(REQUEST | {"request_id": request_id, "tenant_id": tenant_id})
    fields: dict[str, Any] = {
        "sha256": "0" * 64,
        "reason": ParkReason.APPROVAL,
        "record": Record(REQUESTS, 0, 7, AT_MS, tenant_id.encode(), request),
        "received_at": AT,
        "due_at": None,
        "started": True,
        "attempt": 1,
    }
    return Parked(tenant_id, request_id, **(fields | changes))


def parked_record(one: Parked, offset: int = 0, *, ended: bool = False, partition: int = 0) -> Raw:
    """As it is read from the parked topic; `ended`: its tombstone."""
    value = None if ended else encode_parked(one)
    key = parked_key(one.tenant_id, one.request_id)
    return Raw("penstock-parked", partition, offset, AT_MS + offset, key, value, ())


def letter(offset: int = 1, code: Code = Code.TOOL_FAILED, **changes: Any) -> DeadLetter:
    """Of the request at this offset; a later one failed a minute later."""
    row = FAILURES[code]
    value = orjson.dumps(REQUEST | {"request_id": f"r-{offset}"})
    fields: dict[str, Any] = {
        "dead_letter_id": dead_letter_id(REQUESTS, 0, offset),
        "code": code.value,
        "stage": row.stage,
        "retriable": row.retriable,
        "message": f"what happened to {offset}",
        "request_id": f"r-{offset}",
        "tenant_id": "acme",
        "source": DeadLetterSource(topic=REQUESTS, partition=0, offset=offset),
        "original": Original.of(b"acme", value, [("schema", b"agent-request/1")]),
        "failed_at": AT + timedelta(minutes=offset),
    }
    return DeadLetter(**(fields | changes))


def letter_record(one: DeadLetter, key: bytes | None = b"acme", partition: int = 0, offset: int = 0) -> Raw:
    """As it is read from the topic of dead letters."""
    return Raw("agent.deadletter", partition, offset, AT_MS, key, encode(one), ())


def audit(subject: str, action: str = "dlq_drop", **changes: Any) -> AuditRecord:
    """Of something that was done."""
    fields: dict[str, Any] = {
        "audit_id": f"{action}-{subject}",
        "at": AT,
        "actor": "ann@desk",
        "action": action,
        "subject": subject,
        "outcome": "done",
    }
    return AuditRecord(**(fields | changes))


def audit_record(one: AuditRecord) -> Raw:
    """As it is read from the audit topic."""
    return Raw("agent.audit", 0, 0, AT_MS, b"acme", encode(one), ())
