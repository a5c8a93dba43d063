"""Who did what, as a record of the audit topic."""

from dataclasses import dataclass
from datetime import datetime

from schemas.audit import AuditRecord
from schemas.codec import encode
from schemas.versions import schema_header
from streams.flow import Emission

LONGEST = 512  # of what others wrote: their records may be of any size
AUDIT_HEADERS = [schema_header("audit")]


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a command."""

    outcome: str  # "done", "kept" or "refused"
    code: str | None = None
    subject: str | None = None
    request_id: str | None = None
    before_sha256: str | None = None
    after_sha256: str | None = None


def refused(code: str, subject: str | None = None, request_id: str | None = None) -> Finding:
    """Nothing was done."""
    return Finding("refused", code, subject, request_id)


def audit(topic: str, partition: int, key: bytes | None, record: AuditRecord) -> Emission:
    """The record on its topic."""
    return Emission(topic, partition, key and key[:LONGEST], encode(record), AUDIT_HEADERS)


def of_command(
    audit_id: str, at: datetime, actor: str | None, action: str, tenant_id: str | None, finding: Finding
) -> AuditRecord:
    """What a person or a program asked for, and what came of it."""
    return AuditRecord(
        audit_id=audit_id,
        at=at,
        actor=(actor or "unknown")[:LONGEST],
        action=action,
        tenant_id=tenant_id and tenant_id[:LONGEST],
        request_id=finding.request_id,
        subject=finding.subject and finding.subject[:LONGEST],
        before_sha256=finding.before_sha256,
        after_sha256=finding.after_sha256,
        outcome=finding.outcome,
        code=finding.code,
    )
