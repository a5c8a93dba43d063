"""Tool calls that wait for a person: found by their id, and what a decision about one is. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.operators.id_prefixes import resolve
from app.operators.waiting import Waiting
from app.terminal.exits import Trouble
from app.terminal.screen import one_line
from schemas.control import Command, ControlCommand
from streams.parked import PendingApproval

LIST_THEM = "`penstock approvals list` has those that wait"


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call, and the request whose run wants to make it."""

    waiting: Waiting
    approval: PendingApproval

    @property
    def tenant_id(self) -> str:
        """Whose it is."""
        return self.waiting.parked.tenant_id

    @property
    def request_id(self) -> str:
        """The request that waits for it."""
        return self.waiting.parked.request_id

    def expired(self, at: datetime) -> bool:
        """By the clock of this machine; the worker's decides."""
        return self.approval.expires_at <= at

    def decision(self, command: Command, actor: str, reason: str | None, at: datetime) -> ControlCommand:
        """What is sent: with the digest of the arguments that were shown, so that no others are meant."""
        return ControlCommand(
            command=command,
            request_id=self.request_id,
            approval_id=self.approval.approval_id,
            arguments_digest=self.approval.arguments_digest,
            actor=actor,
            reason=reason,
            at=at,
        )


def calls_of(rows: Sequence[Waiting]) -> Sequence[Call]:
    """All of them, decided or not, in the order of their requests."""
    return [Call(row, approval) for row in rows for approval in row.parked.approvals]


def open_calls(rows: Sequence[Waiting]) -> Sequence[Call]:
    """Those that nobody decided about; the one that expires first stands first."""
    found = [call for call in calls_of(rows) if call.approval.approved is None]
    return sorted(found, key=lambda call: (call.approval.expires_at, call.approval.approval_id))


def the_call(calls: Sequence[Call], typed: str) -> Call:
    """The one that the person means. Trouble says why there is none."""
    ids = [call.approval.approval_id for call in calls]
    meant = resolve(typed, ids, "waiting tool call", f"it may have been decided or expired; {LIST_THEM}")
    found = [call for call in calls if call.approval.approval_id == meant]
    if len(found) > 1:
        tenants = ", ".join(sorted({one_line(call.tenant_id) for call in found}))
        raise Trouble(f"{one_line(meant)} waits in {len(found)} requests (tenants {tenants}): say --tenant")
    return found[0]


def decided_line(call: Call) -> str | None:
    """How it was decided; None where it was not."""
    one = call.approval
    if one.approved is None:
        return None
    verb = "approved" if one.approved else "rejected"
    when = "" if one.decided_at is None else f" at {one.decided_at:%Y-%m-%d %H:%M:%SZ}"
    why = f": {one.reason}" if one.reason else ""
    return one_line(f"{verb} by {one.actor or 'somebody'}{when}{why}", 300)
