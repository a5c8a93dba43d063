"""Who is parked because its tenant's buffer was full: by tenant, in the order in which they go on."""

from dataclasses import dataclass, field
from heapq import heappop, heappush

from streams.waiting import Identity, Waiting


@dataclass(slots=True)
class Queue:
    """One tenant's."""

    standing: dict[Identity, Waiting] = field(default_factory=dict)
    expected: set[Identity] = field(default_factory=set)  # on their way back: there is room for them
    heap: list[tuple[float, int, int, Waiting]] = field(default_factory=list)


class Overflow:
    """An index; what became of the others is found out when they come to the front."""

    def __init__(self) -> None:
        self._queues: dict[str, Queue] = {}
        self._number: int = 0

    def tenants(self) -> list[str]:
        """Those that have anything here."""
        return list(self._queues)

    def holds(self, tenant_id: str) -> bool:
        """Whether anything of the tenant's stands here: what comes now came later."""
        queue = self._queues.get(tenant_id)
        return queue is not None and bool(queue.standing)

    def expected(self, tenant_id: str) -> int:
        """How many of the tenant's are on their way back."""
        queue = self._queues.get(tenant_id)
        return len(queue.expected) if queue is not None else 0

    def expects(self, waiting: Waiting) -> bool:
        """Whether this one is: its place is kept."""
        queue = self._queues.get(waiting.identity[0])
        return queue is not None and waiting.identity in queue.expected

    def add(self, waiting: Waiting) -> None:
        """It waits for room from now on; its record may be on its way still."""
        queue = self._queues.setdefault(waiting.identity[0], Queue())
        queue.expected.discard(waiting.identity)
        queue.standing[waiting.identity] = waiting
        self._number += 1
        heappush(queue.heap, (waiting.counts_from, waiting.order, self._number, waiting))

    def take(self, tenant_id: str, most: int) -> list[Waiting]:
        """So many of the tenant's may go on: the first ones, if their records are written."""
        taken: list[Waiting] = []
        queue = self._queues.get(tenant_id)
        if queue is None:
            return taken
        while queue.heap and len(taken) < most:
            waiting = queue.heap[0][-1]
            if queue.standing.get(waiting.identity) is not waiting:
                heappop(queue.heap)
                continue
            if waiting.place.offset < 0:
                break  # nobody overtakes it
            heappop(queue.heap)
            del queue.standing[waiting.identity]
            if not waiting.live:  # else it goes on already, to end
                queue.expected.add(waiting.identity)
                taken.append(waiting)
        self._forget(tenant_id, queue)
        return taken

    def arrived(self, identity: Identity) -> None:
        """It is back, or does not come after all."""
        queue = self._queues.get(identity[0])
        if queue is not None:
            queue.expected.discard(identity)
            self._forget(identity[0], queue)

    def remove(self, identity: Identity) -> None:
        """It waits here no more."""
        queue = self._queues.get(identity[0])
        if queue is not None:
            queue.standing.pop(identity, None)
            queue.expected.discard(identity)
            self._forget(identity[0], queue)

    def _forget(self, tenant_id: str, queue: Queue) -> None:
        if not queue.standing and not queue.expected:
            del self._queues[tenant_id]
