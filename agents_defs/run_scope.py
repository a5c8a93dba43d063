"""Where in which run the current task works: names its model calls and gathers what they cost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from agents_defs.current_scope import CURRENT
from agents_defs.memory.process_facts import OF_THIS_PROCESS
from agents_defs.run_journal import RunStopped, RunWaits
from agents_defs.run_order import Foreseen
from agents_defs.run_record import RunRecord
from schemas.failures import Code, RunFailure
from schemas.money import format_usd

if TYPE_CHECKING:
    from agents import Agent

    from agents_defs.delta_feed import DeltaFeed
    from agents_defs.memory.facts import FactStore
    from agents_defs.questions import Question, Reply
    from agents_defs.recovery import Recovery
    from agents_defs.run_order import ModelCall, Purpose, RunListener, RunOrder

AskHere = Callable[["Question"], Awaitable["Reply"]]
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
    recovery: Recovery
    ends: float  # when its time is up, by the event loop's clock
    facts: FactStore = OF_THIS_PROCESS  # what is remembered of users
    name: str = field(init=False)  # the run's id, as it stands in headers
    record: RunRecord = field(init=False)
    calls: list[ModelCall] = field(init=False)
    spent_usd: Decimal = field(init=False)
    secrets: set[str] = field(default_factory=set)  # that were used: they stand in no message
    under_way: dict[str, Foreseen] = field(default_factory=dict)  # by call id
    heard: list[str] = field(default_factory=list)  # what tools returned, for guardrails of answers
    degraded: bool = False  # something else than the model that was meant has answered
    ask_here: AskHere | None = None  # None: what is asked of other agents goes through the stream
    questions: dict[str, Question] = field(default_factory=dict)  # to other agents, by the call's path
    offered: dict[str, bytes] = field(default_factory=dict)  # what MCP servers offer in this run
    turns: int = 0  # model turns of all its parts
    turns_allowed: int | None = None  # of all its parts; None: each part has its own limit
    redaction: Any = None  # a `Redaction`, which knows runs; None: models are told all

    def __post_init__(self) -> None:
        self.name = header_safe(self.order.run_id)
        self.record = RunRecord(self.order.journal)
        self.calls = list(self.order.paid)
        self.spent_usd = sum((call.cost_usd for call in self.calls if call.cost_usd), Decimal(0))
        self.spent_usd += sum((reply.cost_usd for reply in self.order.replies.values()), Decimal(0))

    def turn_begins(self) -> None:
        """Raises where the run may take no further one."""
        if self.turns_allowed is not None and self.turns >= self.turns_allowed:
            told = f"the run had no answer when its {self.turns_allowed} model calls were used up"
            raise self.record.stop(RunFailure(Code.RUN_TURN_CAP, told))
        self.turns += 1

    def settle(self, call: ModelCall) -> None:
        self.calls.append(call)
        if call.cost_usd is not None:
            self.spent_usd += call.cost_usd
        self.listener.on_call(call)

    def bound(self, own: int | None) -> int | None:
        """The longest answer that this run may ask for, in tokens. `own`: as the agent has it."""
        plan = self.order.max_output_tokens
        return own if plan is None else plan if own is None else min(own, plan)

    async def approve(self, call_id: str, foreseen: Foreseen, *, bounded: bool) -> None:
        """Raises where the run may not pay for this call; it is under way until it is `closed`.

        An answer that nothing bounds is not held against the run's own cap: nobody knows its length.
        """
        self.under_way[call_id] = foreseen
        try:
            if bounded:
                self._check_cap()
            if self.order.allowance is not None:
                await self.order.allowance(self._wanted(), self._used())
        except (RunFailure, RunStopped) as error:
            self.closed(call_id)
            raise self.record.stop(error) from None

    def closed(self, call_id: str) -> None:
        """The call is not under way any more."""
        self.under_way.pop(call_id, None)

    def _used(self) -> Foreseen:
        return Foreseen(sum(call.input_tokens + call.output_tokens for call in self.calls), self.spent_usd)

    def _wanted(self) -> Foreseen:
        tokens, cost = self._used().tokens, self.spent_usd
        for foreseen in self.under_way.values():
            tokens += foreseen.tokens
            cost += foreseen.cost_usd or 0
        return Foreseen(tokens, cost)

    def _check_cap(self) -> None:
        cap = self.order.cost_cap
        if cap is None:
            return
        wanted = self._wanted().cost_usd or Decimal(0)
        if wanted > cap:
            told = (
                f"with the next call the run may cost {format_usd(wanted)} of at most {format_usd(cap)} USD"
            )
            raise RunFailure(Code.RUN_COST_CAP, told)

    def check_cost(self) -> None:
        """Raises where the run may pay for no further call."""
        cap = self.order.cost_cap
        if cap is not None and self.spent_usd >= cap:
            spent = format_usd(self.spent_usd)
            raise RunFailure(Code.RUN_COST_CAP, f"the run spent {spent} of at most {format_usd(cap)} USD")


@dataclass(slots=True)
class RunScope:
    """A run, or a part of it that counts its model calls for itself: a tool call, a guardrail."""

    run: LiveRun
    path: str = ""  # "", "t:<tool call id>/", "t:<tool call id>/g:<guardrail>/"
    purpose: Purpose = "agent"
    nested: bool = False
    ordinal: int = 0  # of the next model turn
    counts: dict[str, int] = field(default_factory=dict)  # of the parts that have a number
    paused: dict[str, RunScope] = field(default_factory=dict)  # tool calls that wait for an approval
    working: set[asyncio.Future[None]] = field(default_factory=set)

    def child(self, segment: str, purpose: Purpose | None = None) -> RunScope:
        """A part of this one. The second of the same name in one run is another part."""
        segment = header_safe(segment)
        nth = self.count(segment)
        path = f"{self.path}{segment}~{nth}/" if nth else f"{self.path}{segment}/"
        return RunScope(self.run, path, purpose or self.purpose, nested=True)

    def entry(self, kind: str) -> str:
        """The name of what is recorded of this part as a whole."""
        return kind + self.path.removesuffix("/")

    @asynccontextmanager
    async def together(self) -> AsyncIterator[None]:
        """Around what runs beside others of this part. Who ends the attempt waits until they are done.

        Else the SDK would cancel them: calls that are paid for, and tools of which nobody knew the result.
        """
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.working.add(mine)
        try:
            yield
        except Exception:
            stopped = self.run.record.stopped
            if not isinstance(stopped, RunWaits):
                raise
            self.working.discard(mine)
            if self.working:
                await asyncio.wait(list(self.working))
            raise stopped from None
        finally:
            self.working.discard(mine)
            mine.set_result(None)

    def count(self, what: str) -> int:
        """How many of these there were before."""
        nth = self.counts.get(what, 0)
        self.counts[what] = nth + 1
        return nth

    def next_place(self) -> str:
        """Of the next model turn, unique in the run and the same in each attempt."""
        self.run.turn_begins()
        place = f"{self.path}m{self.ordinal}"
        self.ordinal += 1
        return place

    def call_id(self, place: str, attempted: int) -> str:
        """Unique in the life of the request: who asks again asks under another name."""
        call_id = f"{self.run.name}/{place}.{self.run.order.attempt}"
        return call_id if attempted == 1 else f"{call_id}-{attempted}"


def header_safe(text: str) -> str:
    """`text` as it may stand in a header: producers and models choose ids, so they may hold anything."""
    safe = quote(text, safe=":._-~@+=,;!*()[]{}|#$&'")
    if len(safe) <= MAX_SEGMENT_CHARS:
        return safe
    return (
        f"{safe[: MAX_SEGMENT_CHARS - 17]}~{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
    )


SCOPE: ContextVar[RunScope | None] = CURRENT
