"""What came of a command, in one line that says what to do. No I/O."""

from schemas.audit import AuditRecord
from schemas.control import Command

DONE = {
    Command.APPROVE: "approved: the run goes on",
    Command.REJECT: "rejected: the model is told, and the run goes on",
    Command.CANCEL: "cancelled",
    Command.REPLAY: "runs again as the next generation",
}
KEPT = "kept: no such request is under way; should it come within 24 h, it is cancelled"
REFUSED = {
    "not_found": "nothing with this id is there any more: it ended, was decided or belongs to another tenant",
    "wrong_digest": "the arguments are not those that you saw: look at it again, then decide",
    "already_decided": "somebody else was faster",
    "expired": "the time to decide is over: the request is refused approval_expired",
    "not_replayable": "the request cannot run again: it did not fail, or its record is not accepted any more",
    "invalid_field": "the worker could not read the command: is it of another version than this one?",
    "wrong_partition": "the workers count other partitions: set PENSTOCK_PARTITIONS to theirs",
    "bad_signature": "the command must be signed by a key with the role, which the tenant's keys allow: set "
    "PENSTOCK_SIGNING_KEY_FILE, and see the worker's log for what is wrong",
    "not_supported": "this worker cannot do that yet: upgrade it",
}


def verdict(command: Command, audit: AuditRecord) -> str:
    """By whom, or why not."""
    if audit.outcome == "done":
        return DONE.get(command, "done")
    if audit.outcome == "kept":
        return KEPT
    code = audit.code or audit.outcome
    return f"refused, {code}: {REFUSED.get(code, 'see the audit topic')}"
