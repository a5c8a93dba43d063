"""What a run writes down before it goes on, and the ways in which it stops without having ended.

Entries are bytes under names that are unique in the run: `m:<path>m<ordinal>` a model's answer, `t:<path>` a
tool's result, `i:<path>` that one is called that must not be called twice, `g:<path>` a guardrail's verdict,
`n:<path>` a moment, `c:<call id>` what a call cost (as `unknown` from before it is sent). Names that begin
with `@` belong to the stream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from schemas.failures import RunFailure


class RunJournal(Protocol):
    """The journal of one run, as this attempt may write it."""

    @property
    def entries(self) -> Mapping[str, bytes]:
        """What is recorded, by earlier attempts and by this one."""
        ...

    async def record(self, entries: Mapping[str, bytes | None]) -> None:
        """Durable when it returns; None removes an entry. Raises RunLost."""
        ...

    def soon(self, entries: Mapping[str, bytes | None]) -> None:
        """On its way; durable before the next `record` returns, and before the outcome is decided.

        For that upon which nothing is done before one of these.
        """
        ...

    async def settle(self) -> None:
        """All that was told is durable. Raises as `record` does."""
        ...

    async def turn_ended(self, turn: int) -> None:
        """All that follows from a model turn (tools, a hand-off) is recorded. May raise RunHandedOver."""
        ...


class RunStopped(Exception):
    """A run that stops without an outcome; what is recorded of it stays. Never made into a tool's result."""


class RunLost(RunStopped):
    """Another attempt was admitted; `emptied`: or the store knows nothing of the request any more."""

    def __init__(self, message: str = "a later attempt was admitted", *, emptied: bool = False) -> None:
        super().__init__(message)
        self.emptied = emptied


class RunHandedOver(RunStopped):
    """This worker ends: whoever is next goes on from what is recorded."""


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A tool call that needs a person's decision."""

    approval_id: str  # the same whenever the run is replayed
    tool: str
    call_id: str
    agent: str
    arguments: str  # the model's own JSON text
    arguments_digest: str  # sha256, hex, of the tool's name and of the arguments' canonical JSON
    valid_s: float  # how long it may be decided


class RunWaits(RunStopped):
    """A run that stops and is still ours: what runs beside what stopped it is as good as ever."""


class RunNeedsApproval(RunWaits):
    """It waits for people; the same run, with their decisions, goes on from here."""

    def __init__(self, requests: Sequence[ApprovalRequest]) -> None:
        super().__init__(f"waits for {len(requests)} approvals")
        self.requests = tuple(requests)


class RunPostponed(RunWaits):
    """A call is to be tried again, but later than a run may sit and wait."""

    def __init__(self, after_s: float, failure: RunFailure) -> None:
        super().__init__(f"goes on in {after_s:g} s: {failure.message}")
        self.after_s = after_s
        self.failure = failure


class RunOverLimit(RunPostponed):
    """Its tenant's windows have no room for the next call now."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person said about a tool call."""

    approval_id: str
    approved: bool
    actor: str | None = None
    reason: str | None = None
    at: datetime | None = None
    arguments_digest: str | None = None  # of what was decided about; None: nobody compares it

    def told(self) -> dict[str, Any]:
        """As it is written down."""
        return {
            "approval_id": self.approval_id,
            "approved": self.approved,
            "actor": self.actor,
            "reason": self.reason,
            "at": self.at.isoformat() if self.at else None,
            "arguments_digest": self.arguments_digest,
        }
