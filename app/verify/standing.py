"""What became of one record on the requests, as far as the snapshot can tell."""

from enum import StrEnum

from app.verify.facts import Asked, Case, Facts
from app.verify.records import Kind
from schemas.failures import FAILURES, Code

DEAD_LETTERS_ONLY = frozenset(row.code.value for row in FAILURES.values() if row.outcome == "dead_letter")
CANNOT_DECODE = DEAD_LETTERS_ONLY - {Code.DUPLICATE_CONFLICT.value}
# Clocks of brokers and workers write these times: what is so close together may stand in either order.
RETENTION_SLACK_MS = 60_000


class Standing(StrEnum):
    """The values of those that cannot be judged say why."""

    SETTLED = "it has its outcome or its dead letter"
    LOST = "its offset was released without an outcome"
    OPEN = "not done yet: its offset is not committed"
    UNCOMMITTED = "the group has committed nothing on its partition"
    PARKED = "parked: its outcome is still to come"
    PERHAPS_PARKED = "perhaps parked: something is parked on its partition that cannot be read here"
    UNDECIDED = "a transaction stayed open on its partition"
    EXPIRED = "its outcome may be older than what its topic still keeps"


def standing(facts: Facts, asked: Asked) -> Standing:
    """Of one record that was asked."""
    if _is_settled(facts, asked):
        return Standing.SETTLED
    return _why_open(facts, asked) or _why_unknown(facts, asked) or Standing.LOST


def _why_open(facts: Facts, asked: Asked) -> Standing | None:
    if asked.name in facts.parked:
        return Standing.PARKED
    if facts.committed is None:
        return Standing.UNCOMMITTED
    return Standing.OPEN if asked.offset >= facts.committed else None


def _why_unknown(facts: Facts, asked: Asked) -> Standing | None:
    if facts.partition in facts.snapshot.undecided:
        return Standing.UNDECIDED
    if facts.parked_unclear:
        return Standing.PERHAPS_PARKED
    topic = Kind.RESPONSES if asked.defect is None else Kind.DEADLETTER
    return Standing.EXPIRED if was_deleted(facts, topic, asked.timestamp_ms) else None


def _is_settled(facts: Facts, asked: Asked) -> bool:
    letters = facts.letters.get(asked.offset, ())
    if asked.name is None:
        return bool(letters)
    case = facts.cases[asked.name]
    if case.answers:
        same = not contradicts(case, asked)
        return same or any(letter.code == Code.DUPLICATE_CONFLICT for letter in letters)
    return any(letter.code in DEAD_LETTERS_ONLY for letter in letters)


def contradicts(case: Case, asked: Asked) -> bool:
    """Whether it uses the id of another body that was answered."""
    return case.sha is not None and asked.sha != case.sha


def was_deleted(facts: Facts, kind: Kind, at_ms: int) -> bool:
    """Whether what was written at this time may be gone from the topic by its retention."""
    extent = facts.snapshot.extent(kind, facts.partition)
    if extent.first == 0 or extent.start > extent.first:
        return False  # nothing was deleted, or nothing of what was asked for
    first_ms = facts.first_ms.get(kind)
    return first_ms is None or at_ms <= first_ms + RETENTION_SLACK_MS
