"""What this worker has under way and parked when a store was emptied: it counts, and no book knows of it yet.

The books know what was published. Of what was admitted and is not, its worker alone can tell.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from streams.admission import Tenants
from streams.book_spans import UNLIMITED
from streams.entries import Entry
from streams.flow import Accepted
from streams.parked import ParkReason
from streams.policy.gates import Gate
from streams.policy.terms import Asked
from streams.policy.windows import Window
from streams.ports import StoreUnavailable
from streams.waiting import Waiting
from streams.window_keeper import KnownWindow, WindowStore

RETRY_S = 0.25

Rebuild = Callable[..., Coroutine[Any, Any, Collection[int]]]  # of partitions; returns those that are ours
Place = tuple[str, Gate]  # a tenant, and what says which of its windows it is


class Recount:
    """Is asked for whenever partitions were read again; where there is no gap it changes nothing."""

    def __init__(
        self,
        store: WindowStore,
        tenants: Tenants,
        under_way: Callable[[Collection[int]], Iterable[Entry]],
        parked: Callable[[int], Iterable[Waiting]],
    ) -> None:
        self._store: Final = store
        self._tenants: Final = tenants
        self._under_way: Final = under_way
        self._parked: Final = parked

    def after(self, rebuild: Rebuild) -> Rebuild:
        """The same, and then this."""

        async def both(partitions: Sequence[int], *more: Any) -> Collection[int]:
            ours = await rebuild(partitions, *more)
            await self(ours)
            return ours

        return both

    async def __call__(self, partitions: Collection[int]) -> None:
        """Have it count, right behind the gap: it leaves a window somewhat late, and never early."""
        while True:
            try:
                for partition, since_ms in (await self._store.gaps(partitions)).items():
                    await self._store.refill(partition, since_ms, self._known(partition, since_ms))
            except StoreUnavailable:
                await asyncio.sleep(RETRY_S)
            else:
                return

    def _known(self, partition: int, since_ms: int) -> list[KnownWindow]:
        found: Counter[Place] = Counter()
        for entry in self._under_way([partition]):
            if isinstance(entry.candidate, Accepted) and (entry.queued or entry.began):
                found.update(self._held(entry.candidate))
        for waiting in self._parked(partition):
            if not waiting.live and waiting.reason is not ParkReason.WINDOW:
                found.update(self._counted(waiting))
        return sorted((_known(place, amount, since_ms) for place, amount in found.items()), key=_tenant)

    def _held(self, accepted: Accepted) -> Counter[Place]:
        """What it would ask for now."""
        request = accepted.request
        terms = self._tenants.terms(request.tenant_id)
        needs = self._tenants.foresee(accepted, terms)
        gates = terms.gates(Asked(accepted.spec.name, request.model, request.user_id), needs, self._at())
        windows = (gate for gate in gates if isinstance(gate.window, Window) and gate.window.per != "second")
        return Counter({(request.tenant_id, _which(gate)): gate.amount for gate in windows})

    def _counted(self, waiting: Waiting) -> Counter[Place]:
        """One request. To which agent, and whose, stands in its body only; what it used is published."""
        tenant_id, age_s = waiting.identity[0], self._at().timestamp() - waiting.since
        rules = self._tenants.terms(tenant_id).rules
        return Counter(
            {
                (tenant_id, Gate(Window(UNLIMITED, rule.window.per), 0, "requests", rule.agent, user)): 1
                for rule in rules
                if rule.what == "requests" and age_s * 1000 < rule.window.emptied_ms(0)
                for user in ("" if rule.each_user else None,)
            }
        )

    def _at(self) -> datetime:
        return self._tenants.at()


def _which(gate: Gate) -> Gate:
    window = Window(UNLIMITED, gate.window.per) if isinstance(gate.window, Window) else gate.window
    return Gate(window, 0, gate.what, gate.agent, None if gate.user is None else "")


def _known(place: Place, amount: int, since_ms: int) -> KnownWindow:
    tenant_id, gate = place
    assert isinstance(gate.window, Window)  # noqa: S101  no others were taken
    behind = {gate.window.bucket(since_ms) + 1: amount}
    return KnownWindow(tenant_id, gate.what, gate.window, gate.agent, gate.user is not None, behind)


def _tenant(known: KnownWindow) -> str:
    return known.tenant_id
