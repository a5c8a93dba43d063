"""One run: the session as it was said so far, the agent within its deadline, what it said, how it ended."""

import asyncio
import traceback
from dataclasses import dataclass, field
from typing import Any

from agents_defs.run_order import DeltaKind, ModelCall, RunOrder, RunResult, SlowNotice
from schemas.failures import FAILURES, Code, RunFailure
from schemas.responses import Memory, Status
from streams.deltas import DeltaFeed
from streams.flow import Outcome, Problem, Turn
from streams.observations import CallPaid, Observer, RunEnded, RunSlow, RunStarted
from streams.ports import Clock, ConversationStore, DeltaSink, Runs, StoreUnavailable


@dataclass(slots=True)
class Listener:
    """Collects what a run tells: paid calls, deltas, warnings."""

    agent: str
    observer: Observer
    sink: DeltaSink
    feed: DeltaFeed | None
    calls: list[ModelCall] = field(default_factory=list)

    def on_call(self, call: ModelCall) -> None:
        """A model call was made."""
        self.calls.append(call)
        self.observer.observe(CallPaid(call))

    def on_delta(self, kind: DeltaKind, data: dict[str, Any], turn: int, at_char: int) -> None:
        """The run said something."""
        if self.feed is not None:
            self.feed.add(kind, data, turn, at_char)
            self.sink.touch(self.feed)

    def on_slow(self, notice: SlowNotice) -> None:
        """Something takes long."""
        self.observer.observe(RunSlow(self.agent, notice))


@dataclass(frozen=True, slots=True)
class Execution:
    """Runs turns."""

    runs: Runs
    conversations: ConversationStore
    deltas: DeltaSink
    clock: Clock
    observer: Observer

    async def run(self, turn: Turn, feed: DeltaFeed | None) -> Outcome:
        """Run one turn to its end. Only cancellation and faults of ours come out as exceptions."""
        started, started_at = self.clock.now(), self.clock.at()
        queued_s = started - turn.accepted.received
        deadline = turn.accepted.request.deadline
        left_s = (deadline - started_at).total_seconds() if deadline else float("inf")
        if left_s <= 0:
            return expired(queued_s)
        agent = turn.accepted.spec.name
        self.observer.observe(RunStarted(agent, queued_s))
        listener = Listener(agent, self.observer, self.deltas, feed)
        status = Status.FAILED
        try:
            ended, memory = await self._attempt(turn, listener, left_s)
            finished_at = self.clock.at()
            outcome = Outcome(
                calls=tuple(listener.calls),
                memory=memory,
                started_at=started_at,
                finished_at=finished_at,
                queued_s=queued_s,
                run_s=self.clock.now() - started,
                **_judge(ended, late=deadline is not None and finished_at > deadline),
            )
            status = outcome.status
        except asyncio.CancelledError:
            status = Status.CANCELLED  # let go: its partition was lost, or the worker ends
            raise
        finally:
            self.observer.observe(RunEnded(agent, status, self.clock.now() - started))
        if feed is not None:
            await self.deltas.settle(feed)
        return outcome

    async def _attempt(
        self, turn: Turn, listener: Listener, left_s: float
    ) -> tuple[RunResult | RunFailure, Memory]:
        request, spec = turn.accepted.request, turn.accepted.spec
        items, memory = await self._remember(turn)
        order = RunOrder(
            run_id=turn.run_id,
            tenant_id=request.tenant_id,
            request_id=request.request_id,
            spec=spec,
            input=request.input,
            timeout_s=min(spec.timeout_s, left_s),
            user_id=request.user_id,
            session_items=items,
            stream=request.stream,
            model=request.model,
            max_turns=request.max_turns,
            max_cost_usd=request.max_cost_usd,
            attempt=turn.attempt,
            metadata=request.metadata or {},
        )
        try:
            return await self.runs.run(order, listener), memory
        except RunFailure as failure:
            return failure, memory

    async def _remember(self, turn: Turn) -> tuple[list[dict[str, Any]], Memory]:
        request = turn.accepted.request
        if request.session_id is None:
            return [], Memory.NONE
        try:
            items = await self.conversations.read(request.tenant_id, request.session_id, request.request_id)
        except StoreUnavailable:
            return [], Memory.LOST
        return items, Memory.KEPT


def expired(queued_s: float) -> Outcome:
    """The deadline passed before the run was started."""
    return Outcome(
        status=Status.EXPIRED,
        problem=Problem(Code.EXPIRED, "the deadline passed before the run was started"),
        queued_s=queued_s,
    )


def status_of(code: Code) -> Status:
    """How a request ends that ends with this code."""
    outcome = FAILURES[code].outcome
    return Status(outcome) if outcome in set(Status) else Status.FAILED


def _judge(ended: RunResult | RunFailure, late: bool) -> dict[str, Any]:
    """The fields of an outcome that say how the run ended."""
    if isinstance(ended, RunFailure):
        code = Code.EXPIRED if late else ended.code
        cause = ended.__cause__
        return {
            "status": status_of(code),
            "problem": Problem(
                code,
                ended.message if not late else f"the deadline passed during the run: {ended.message}",
                ended.retry_after_ms,
                exception=type(cause).__name__ if cause else None,
                stack="".join(traceback.format_exception(cause)) if cause else None,
            ),
        }
    if late:
        return {
            "status": Status.EXPIRED,
            "problem": Problem(Code.EXPIRED, "the deadline passed during the run"),
            "turns": ended.turns,
            "models": ended.models,
        }
    return {
        "status": Status.COMPLETED,
        "output": ended.output,
        "last_agent": ended.last_agent,
        "turns": ended.turns,
        "models": ended.models,
        "new_items": ended.new_items,
    }
