"""One lane per session: its requests run one at a time, in order; the others side by side, by fair shares."""

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from streams.policy.fair_share import Demand, FairShare

T = TypeVar("T")

FEW = 4  # requests that wait, of a tenant that asks for little


class Lanes(Generic[T]):
    """Who runs, who waits for a turn in its session, and who waits for a free slot."""

    __slots__ = ("_of_tenant", "_ready", "_runs_of", "_slots", "_waiting", "held", "running")

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._waiting: dict[Hashable, deque[tuple[Demand, T]]] = {}
        self._ready: FairShare[tuple[Demand, T]] = FairShare()
        self._of_tenant: dict[str, int] = {}  # that wait
        self._runs_of: dict[str, int] = {}
        self.running = 0
        self.held = 0

    @property
    def free(self) -> int:
        """Slots in which nothing runs."""
        return self._slots - self.running

    @property
    def waiting(self) -> int:
        """How many wait, for a slot or for their session."""
        return self.held - self.running

    def waiting_of(self, tenant_id: str) -> int:
        """How many of one tenant do."""
        return self._of_tenant.get(tenant_id, 0)

    def enter(self, session: Hashable | None, item: T, demand: Demand) -> None:
        """Take in an item. It is ready at once unless its session has one before it."""
        self.held += 1
        self._of_tenant[demand.tenant_id] = self._of_tenant.get(demand.tenant_id, 0) + 1
        if session is not None:
            lane = self._waiting.get(session)
            if lane is not None:
                lane.append((demand, item))
                return
            self._waiting[session] = deque()
        self._ready.put(demand, (demand, item))

    def modest(self, tenant_id: str) -> bool:
        """Whether it asks for little: few wait, and it runs no more than twice what each has on average."""
        runs = self._runs_of.get(tenant_id, 0)
        return self._of_tenant.get(tenant_id, 0) <= FEW and runs * len(self._runs_of) <= 2 * self.running

    def modest_beside_others(self, tenant_id: str) -> bool:
        """The same, where others wait, too."""
        return self.waiting > self.waiting_of(tenant_id) and self.modest(tenant_id)

    def start(self, *, modest: bool = False) -> T | None:
        """The next item to run, if there is one and a slot is free; `modest`: of a tenant that is."""
        if self.running >= self._slots:
            return None
        taken = self._ready.take(self.modest if modest else None)
        if taken is None:
            return None
        demand, item = taken
        self.running += 1
        self._runs_of[demand.tenant_id] = self._runs_of.get(demand.tenant_id, 0) + 1
        self._waits_no_more(demand)
        return item

    def evict(self, session: Hashable | None) -> list[T]:
        """Take out those that wait for the session's present one, in order: they wait elsewhere."""
        lane = self._waiting.get(session) if session is not None else None
        if not lane:
            return []
        evicted = list(lane)
        lane.clear()
        self.held -= len(evicted)
        for demand, _ in evicted:
            self._waits_no_more(demand)
        return [item for _, item in evicted]

    def leave(self, session: Hashable | None, demand: Demand, used: int | None) -> None:
        """A started item is done: its slot is free, and its session's next one is ready.

        It has used so many tokens; None: it was not run.
        """
        self.held -= 1
        self.running -= 1
        _one_less(self._runs_of, demand.tenant_id)
        self._ready.settle(demand, used)
        if session is None:
            return
        lane = self._waiting[session]
        if lane:
            following = lane.popleft()
            self._ready.put(following[0], following)
        else:
            del self._waiting[session]

    def _waits_no_more(self, demand: Demand) -> None:
        _one_less(self._of_tenant, demand.tenant_id)


def _one_less(counts: dict[str, int], tenant_id: str) -> None:
    left = counts[tenant_id] - 1
    if left:
        counts[tenant_id] = left
    else:
        del counts[tenant_id]
