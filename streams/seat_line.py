"""Who waits for a seat on one bench: tenants take turns, each tenant's own requests go in their order."""

from collections import OrderedDict
from collections.abc import Callable

from streams.seat_queue import SeatQueue
from streams.waiting import Waiting


class SeatLine:
    """Of a bench that belongs to one tenant there is one queue."""

    __slots__ = ("_by_tenant", "_count")

    def __init__(self) -> None:
        self._by_tenant: OrderedDict[str, SeatQueue] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, waiting: Waiting, *, again: bool = False) -> None:
        """It waits. `again`: it had its turn and found nothing, so its tenant is next."""
        tenant_id = waiting.identity[0]
        queue = self._by_tenant.get(tenant_id)
        if queue is None:
            queue = self._by_tenant[tenant_id] = SeatQueue()
        self._count -= len(queue)
        queue.put(waiting)
        self._count += len(queue)
        if again:
            self._by_tenant.move_to_end(tenant_id, last=False)

    def first(self) -> Waiting | None:
        """Whose turn it is."""
        for queue in self._by_tenant.values():
            if (one := queue.first()) is not None:
                return one
        return None

    def pop(self) -> Waiting | None:
        """The first, which waits here no more; another tenant's is next."""
        while self._by_tenant:
            tenant_id, queue = next(iter(self._by_tenant.items()))
            one = queue.pop()
            if queue:
                self._by_tenant.move_to_end(tenant_id)
            else:
                del self._by_tenant[tenant_id]
            if one is not None:
                self._count -= 1
                return one
        return None

    def remove(self, waiting: Waiting) -> None:
        """It waits no more, if it did."""
        queue = self._by_tenant.get(waiting.identity[0])
        if queue is not None:
            self._count -= len(queue)
            queue.remove(waiting)
            self._count += len(queue)
            if not queue:
                del self._by_tenant[waiting.identity[0]]

    def keep(self, wanted: Callable[[Waiting], bool]) -> None:
        """Only these wait on."""
        for tenant_id, queue in list(self._by_tenant.items()):
            self._count -= len(queue)
            queue.keep(wanted)
            self._count += len(queue)
            if not queue:
                del self._by_tenant[tenant_id]
