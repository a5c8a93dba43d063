"""What operators did about dead letters, as the audit topic tells: dropped, replayed. No I/O."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.client.record_filter import Raw
from schemas.audit import AuditRecord
from schemas.codec import decode

DROP = "dlq_drop"
REPLAY = "replay"
DONE = "done"
_NEEDLES = (f'"{DROP}"'.encode(), f'"{REPLAY}"'.encode())


@dataclass(slots=True)
class Deeds:
    """The latest of each kind, by dead letter. Other audits, and what is none, are passed over."""

    dropped: dict[str, AuditRecord] = field(default_factory=dict)
    replayed: dict[str, AuditRecord] = field(default_factory=dict)

    def add_all(self, records: Iterable[Raw]) -> None:
        """A batch."""
        for record in records:
            value = record.value or b""
            if not any(needle in value for needle in _NEEDLES) and b"\\" not in value:
                continue
            try:
                audit = decode(AuditRecord, value)
            except ValueError:
                continue  # of which letter it would speak is not known
            if audit.subject is None or audit.outcome != DONE:
                continue
            if audit.action == DROP:
                self.dropped[audit.subject] = audit
            elif audit.action == REPLAY:
                self.replayed[audit.subject] = audit

    def line(self, dead_letter_id: str) -> str | None:
        """What was done about this one; None: nothing."""
        told = [
            f"{verb} by {audit.actor} at {audit.at:%Y-%m-%d %H:%M:%SZ}"
            for verb, audits in (("replayed", self.replayed), ("dropped", self.dropped))
            if (audit := audits.get(dead_letter_id)) is not None
        ]
        return ", ".join(told) or None

    def mark(self, dead_letter_id: str) -> str:
        """One word for a table."""
        if dead_letter_id in self.dropped:
            return "dropped"
        return "replayed" if dead_letter_id in self.replayed else ""
