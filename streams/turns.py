"""Turn: one attempt that is to be started; Suspended: one that stopped without an outcome."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from agents_defs.questions import AskedAs, Question, Reply
from agents_defs.run_journal import Decision
from agents_defs.run_order import ModelCall
from streams.asked import Asked
from streams.flow import Accepted, Problem
from streams.parked import Parked, ParkReason, PendingApproval
from streams.policy.caps import Bench
from streams.ports import RunKey

Span = tuple[datetime, datetime]


def nobody() -> None:
    """It is not cancelled."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One attempt at a request."""

    accepted: Accepted
    attempt: int
    token: str = ""  # of the claim that admitted it
    generation: int = 0
    calls: list[ModelCall] = field(default_factory=list)  # filled while it runs: all that the run has paid
    approvals: tuple[PendingApproval, ...] = ()
    spans: tuple[Span, ...] = ()  # of its earlier runs
    queued_s: float | None = None  # until its first run; None: this is the first
    ending: Problem | None = None  # why it is not to go on, if so: only what it cost is gathered
    cancelled: Callable[[], Problem | None] = nobody
    first: bool = False  # of all attempts, so that nothing of it can be recorded
    asked: tuple[Asked, ...] = ()
    lineage: tuple[str, ...] = ()  # the agents that wait for this one
    unsure: set[str] = field(default_factory=set)  # filled, too: journal entries that may not be durable

    @property
    def decisions(self) -> dict[str, Decision]:
        """What people said, by approval id."""
        return {one.approval_id: _decision(one) for one in self.approvals if one.approved is not None}

    @property
    def replies(self) -> dict[AskedAs, Reply]:
        """What other agents said, by the call that asked and what it asked."""
        return {(one.call, one.digest): one.reply for one in self.asked if one.reply is not None}

    @property
    def run_id(self) -> str:
        """The same for all attempts at a generation."""
        return self.key.run_id

    @property
    def key(self) -> RunKey:
        """Which attempt this is, for the store."""
        request = self.accepted.request
        return RunKey(request.tenant_id, request.request_id, self.attempt, self.token, self.generation)


def taken_up(parked: Parked | None) -> dict[str, Any]:
    """What a turn takes over from the record of one that was parked."""
    if parked is None:
        return {}
    return {
        "approvals": parked.approvals,
        "spans": parked.spans,
        "queued_s": parked.queued_s,
        "asked": parked.asked,
    }


def _decision(one: PendingApproval) -> Decision:
    return Decision(
        one.approval_id, bool(one.approved), one.actor, one.reason, one.decided_at, one.arguments_digest
    )


@dataclass(frozen=True, slots=True)
class Suspended:
    """It goes on later: after a time, or when people have decided."""

    reason: ParkReason
    after_s: float | None
    approvals: tuple[PendingApproval, ...]
    spans: tuple[Span, ...]
    queued_s: float | None
    questions: tuple[Question, ...] = ()
    left_usd: Decimal | None = None  # what its run may spend still, where that is bounded
    bench: Bench | None = None  # on which it found no seat: nothing was done

    @property
    def begun(self) -> bool:
        """Whether anything was done."""
        return self.bench is None


@dataclass(frozen=True, slots=True)
class HandedOver:
    """This worker ends; whoever is next goes on with it."""


@dataclass(slots=True)
class Departure:
    """Whether this worker ends: its runs stop at the end of a turn."""

    begun: bool = False
