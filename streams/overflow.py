"""Who is parked because its tenant's buffer was full: by tenant, in the order in which they go on."""

from dataclasses import dataclass, field

from streams.policy.precedence import Precedence
from streams.waiting import Identity, Waiting


@dataclass(slots=True)
class Queue:
    """One tenant's."""

    standing: dict[Identity, Waiting] = field(default_factory=dict)
    expected: set[Identity] = field(default_factory=set)  # on their way back: there is room for them
    line: Precedence[Waiting] = field(default_factory=Precedence)


class Overflow:
    """An index; what became of the others is found out when they come to the front."""

    def __init__(self) -> None:
        self._queues: dict[str, Queue] = {}

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
        queue.line.put(waiting.priority, waiting.order, waiting.since, waiting)

    def first(self, tenant_id: str) -> Waiting | None:
        """Which one of the tenant's goes on first."""
        queue = self._queues.get(tenant_id)
        while queue is not None and queue.line:
            waiting = queue.line.first()
            ends = waiting.live and waiting.place.offset >= 0  # it goes on already, to end
            if queue.standing.get(waiting.identity) is waiting and not ends:
                return waiting
            queue.line.pop()
            if ends:
                queue.standing.pop(waiting.identity, None)
        if queue is not None:
            self._forget(tenant_id, queue)
        return None

    def expect(self, waiting: Waiting) -> None:
        """It is on its way back: room is kept for it."""
        queue = self._queues[waiting.identity[0]]
        del queue.standing[waiting.identity]
        queue.expected.add(waiting.identity)

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
