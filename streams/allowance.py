"""What one attempt may use: before each model call that is held in its tenant's windows."""

from collections.abc import Callable
from typing import Final

from agents_defs.run_journal import RunLost, RunOverLimit
from agents_defs.run_order import Foreseen
from schemas.failures import RunFailure
from streams.estimates import foreseen
from streams.flow import Refuse
from streams.journal import Patience
from streams.policy.gates import Gate, Spending
from streams.ports import Reservations, RunKey

SPENT: Final = ("tokens", "cost_usd")


class Allowance:
    """Asks the store only where what is held does not cover what is wanted."""

    def __init__(
        self,
        run: RunKey,
        gates: Callable[[Spending], tuple[Gate, ...]],
        held: Spending,
        store: Reservations,
        patience: Patience,
        *,
        waits: bool,
    ) -> None:
        self._run: Final = run
        self._gates: Final = gates  # of the plan in force when they are asked for
        self._held = held
        self._store: Final = store
        self._patience: Final = patience
        self._waits: Final = waits

    async def __call__(self, wanted: Foreseen, used: Foreseen) -> None:
        """`wanted` is all that the run has used and what it is about to use."""
        needs = foreseen(wanted)
        if self._held.covers(needs):
            return
        gates = tuple(gate for gate in self._gates(needs) if gate.what in SPENT)
        refused = await self._reserved(gates, foreseen(used))
        if refused is not None:
            raise self._stop(refused)
        self._held = Spending(max(needs.tokens, self._held.tokens), max(needs.nano_usd, self._held.nano_usd))

    async def _reserved(self, gates: tuple[Gate, ...], spent: Spending) -> Refuse | None:
        if not gates:
            return None
        try:
            return await self._patience.asked(lambda: self._store.reserve(self._run, gates, spent))
        except RunLost as lost:
            if not lost.emptied:
                raise
            return None  # the store was emptied, and the run goes on without it

    def _stop(self, refused: Refuse) -> Exception:
        problem = refused.problem
        failure = RunFailure(
            problem.code,
            f"before a model call: {problem.message}",
            retry_after_ms=problem.retry_after_ms,
            retriable=problem.retriable,
        )
        if self._waits and refused.retry_after_ms is not None:
            return RunOverLimit(refused.retry_after_ms / 1000, failure)
        return failure
