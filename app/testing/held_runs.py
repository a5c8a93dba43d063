"""Runs whose end the test decides."""

import asyncio
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from agents_defs.agent_spec import AgentSpec
from agents_defs.journal_entries import CALL, call_bytes
from agents_defs.run_order import (
    ALL_TOOLS,
    Foreseen,
    ModelCall,
    RunListener,
    RunOrder,
    RunResult,
    ToolLists,
)
from agents_defs.run_scope import header_safe


def paid_call(order: RunOrder, ordinal: int = 0) -> ModelCall:
    """A model call of this run, as the books get it."""
    return ModelCall(
        call_id=f"{header_safe(order.run_id)}/m{ordinal}.{order.attempt}",
        model="gpt-5.4-mini",
        agent=order.spec.name,
        purpose="agent",
        state="settled",
        input_tokens=20,
        cached_tokens=5,
        output_tokens=7,
        reasoning_tokens=2,
        cost_usd=Decimal("0.0012"),
        price_source="genai-prices/1",
        started=1.0,
        finished=2.0,
    )


class HeldRuns:
    """Each run pays for one call, then waits for its verdict; with `instant` it ends at once."""

    def __init__(self, *, instant: bool = False, stubborn: bool = False) -> None:
        self.instant = instant
        self.stubborn = stubborn  # a cancelled run goes on until it is told to end
        self.orders: list[RunOrder] = []
        self.running: list[str] = []
        self.most_at_once = 0
        self.cancelled: list[str] = []
        self._verdicts: dict[str, asyncio.Future[Any]] = {}

    @property
    def started(self) -> list[str]:
        """Request ids, in the order in which their runs began."""
        return [order.request_id for order in self.orders]

    def end(self, request_id: str, verdict: Any = "done") -> None:
        """Let a run end with this output, or this exception."""
        future = self._verdicts[request_id]
        if isinstance(verdict, BaseException):
            future.set_exception(verdict)
        else:
            future.set_result(verdict)

    def end_all(self, request_ids: Iterable[str] | None = None) -> None:
        """Let all that run end (or these)."""
        for request_id in list(self.running if request_ids is None else request_ids):
            self.end(request_id)

    def foresee(
        self,
        spec: AgentSpec,
        model: str | None,
        characters: int,
        max_output_tokens: int | None,
        lists: ToolLists = ALL_TOOLS,
    ) -> Foreseen:
        """A thousandth of a dollar for a hundred tokens."""
        tokens = characters // 4 + (max_output_tokens or spec.output_tokens)
        return Foreseen(tokens, Decimal(tokens) / 100_000)

    def meant(self, spec: AgentSpec, model: str | None) -> str:
        """The tier's name is its model's."""
        return model or spec.model_tier

    async def run(self, order: RunOrder, listener: RunListener) -> RunResult:
        """One run."""
        self.orders.append(order)
        self.running.append(order.request_id)
        self.most_at_once = max(self.most_at_once, len(self.running))
        call = paid_call(order)
        try:
            if order.allowance is not None:
                before = sum(one.input_tokens + one.output_tokens for one in order.paid)
                first = self.foresee(order.spec, order.model, len(order.input), order.max_output_tokens)
                await order.allowance(Foreseen(before + first.tokens, first.cost_usd), Foreseen(before, None))
            listener.on_call(call)
            if order.journal is not None:
                await order.journal.record({f"{CALL}{call.call_id}": call_bytes(call)})
            output = await self._verdict(order)
        finally:
            self.running.remove(order.request_id)
        if order.stream:
            listener.on_delta("text", {"text": str(output)}, 0, 0)
        asked = [{"role": "user", "content": order.input}]
        return RunResult(
            output=output,
            last_agent=order.spec.name,
            turns=1,
            models=(call.model,),
            new_items=[*asked, {"role": "assistant", "content": str(output)}],
            calls=(call,),
        )

    async def _verdict(self, order: RunOrder) -> Any:
        if self.instant:
            return f"answer to {order.input}"
        future = self._verdicts[order.request_id] = asyncio.get_running_loop().create_future()
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            self.cancelled.append(order.request_id)
            if self.stubborn:
                await future
            raise
