"""Where in which run the current task works: names its model calls and gathers what they cost."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from schemas.failures import Code, RunFailure
from schemas.money import format_usd

if TYPE_CHECKING:
    from agents import Agent

    from agents_defs.delta_feed import DeltaFeed
    from agents_defs.run_order import ModelCall, Purpose, RunListener, RunOrder

MAX_SEGMENT_CHARS = 96
"""The call id travels in a header, which providers cut or refuse at 512 characters."""


@dataclass(slots=True)
class LiveRun:
    """One run in progress, shared by all its scopes."""

    order: RunOrder
    listener: RunListener
    now: Callable[[], float]
    feed: DeltaFeed | None  # None: nobody watches
    prepare: Callable[[Agent[Any]], None]  # meters another agent as the run's own are
    calls: list[ModelCall] = field(default_factory=list)
    spent_usd: Decimal = Decimal(0)

    def settle(self, call: ModelCall) -> None:
        self.calls.append(call)
        if call.cost_usd is not None:
            self.spent_usd += call.cost_usd
        self.listener.on_call(call)

    def check_cost(self) -> None:
        """Raises where the run may pay for no further call."""
        cap = self.order.max_cost_usd
        if cap is not None and self.spent_usd >= cap:
            spent = format_usd(self.spent_usd)
            raise RunFailure(Code.RUN_COST_CAP, f"the run spent {spent} of at most {format_usd(cap)} USD")


@dataclass(slots=True)
class RunScope:
    """A run, or a part of it that counts its model calls for itself: a tool call, a guardrail."""

    run: LiveRun
    path: str  # "<run_id>/", "<run_id>/t:<tool call id>/"
    purpose: Purpose = "agent"
    nested: bool = False
    ordinal: int = 0  # of the next model call
    asked: int = 0  # agents asked from within

    def child(self, segment: str, purpose: Purpose | None = None) -> RunScope:
        return RunScope(self.run, f"{self.path}{header_safe(segment)}/", purpose or self.purpose, nested=True)

    def next_call_id(self) -> str:
        """Unique in the life of the request: a later attempt asks again under another name."""
        call_id = f"{self.path}m{self.ordinal}.{self.run.order.attempt}"
        self.ordinal += 1
        return call_id


def header_safe(text: str) -> str:
    """`text` as it may stand in a header: producers and models choose ids, so they may hold anything."""
    safe = quote(text, safe=":._-~@+=,;!*()[]{}|#$&'")
    if len(safe) <= MAX_SEGMENT_CHARS:
        return safe
    return (
        f"{safe[: MAX_SEGMENT_CHARS - 17]}~{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
    )


SCOPE: ContextVar[RunScope | None] = ContextVar("penstock_run_scope", default=None)
