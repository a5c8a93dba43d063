"""AuditRecord: who did what, to what, with what outcome; the value of the audit topic."""

from schemas.record import WireRecord
from schemas.text import Prose
from schemas.times import At


class AuditRecord(WireRecord):
    audit_id: str
    at: At
    actor: str
    """A person, a key id, or `penstock` itself."""
    role: str | None = None
    action: str
    tenant_id: str | None = None
    request_id: str | None = None
    subject: Prose | None = None
    """What was acted upon: an approval, a plan, a release, a dead letter."""
    before_sha256: str | None = None
    after_sha256: str | None = None
    outcome: str
    code: str | None = None
