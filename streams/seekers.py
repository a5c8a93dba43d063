"""Who is parked until a run of the tenant ends, in the order in which they came."""

from typing import Final

from streams.parking import Parking
from streams.seat_queue import SeatQueue
from streams.waiting import Identity, Waiting

WAIT_OF_EACH_S = 0.02  # longer for each that stands before it
LONGEST_WAIT_S = 30.0


class Seekers:
    """Wakes one for each seat that is free again; whoever is forgotten here has a time of its own."""

    def __init__(self, parking: Parking) -> None:
        self._parking: Final = parking
        self._by_tenant: dict[str, SeatQueue] = {}
        self._coming: dict[str, set[Identity]] = {}  # woken, and not seated yet
        self._early: set[Identity] = set()  # woken while their records were on their way

    def add(self, waiting: Waiting | None) -> None:
        """It waits for a seat."""
        if waiting is None:
            return
        self.seated(waiting)
        queue = self._by_tenant.get(waiting.identity[0])
        if queue is None:
            queue = self._by_tenant[waiting.identity[0]] = SeatQueue()
        queue.put(waiting)

    def any(self, tenant_id: str) -> bool:
        """Whether somebody of the tenant waits, or was woken and is on its way to its seat."""
        if tenant_id in self._by_tenant:
            return True
        coming = self._coming.get(tenant_id, ())
        return any(self._parking.lot.find(one) is not None for one in coming)

    def seated(self, waiting: Waiting | None) -> None:
        """It is not on its way any more."""
        if waiting is None or waiting.identity[0] not in self._coming:
            return
        coming = self._coming[waiting.identity[0]]
        coming.discard(waiting.identity)
        if not coming:
            del self._coming[waiting.identity[0]]

    def pass_on(self, waiting: Waiting) -> None:
        """It was woken, and waits for something else: the seat is the next one's."""
        if waiting.identity in self._coming.get(waiting.identity[0], ()):
            self.seated(waiting)
            self.wake(waiting.identity[0])

    def let_go(self) -> None:
        """Forget those that are parked here no more."""
        lot = self._parking.lot
        for tenant_id, queue in list(self._by_tenant.items()):
            queue.keep(lambda one: lot.find(one.identity) is one)
            if not queue:
                del self._by_tenant[tenant_id]
        for tenant_id, coming in list(self._coming.items()):
            coming.intersection_update([one for one in coming if lot.find(one) is not None])
            if not coming:
                del self._coming[tenant_id]
        self._early = {one for one in self._early if lot.find(one) is not None}

    def wait_s(self, tenant_id: str, at_least: float) -> float:
        """How long who comes now waits, unless it is woken."""
        queue = self._by_tenant.get(tenant_id, ())
        return min(LONGEST_WAIT_S, at_least + WAIT_OF_EACH_S * len(queue))

    def wake(self, tenant_id: str) -> bool:
        """The first goes on, if anybody waits: it does not wait here any more."""
        while (queue := self._by_tenant.get(tenant_id)) is not None:
            first = queue.pop()
            if not queue:
                del self._by_tenant[tenant_id]
            if first is None:
                return False
            early = first.place.offset < 0
            if not early and not self._parking.waits(first):
                continue
            self._coming.setdefault(tenant_id, set()).add(first.identity)
            if early:
                self._early.add(first.identity)
            else:
                self._parking.release(first)
            return True
        return False

    def woken(self, waiting: Waiting) -> bool:
        """Whether it was, before its record stood."""
        if waiting.identity not in self._early:
            return False
        self._early.discard(waiting.identity)
        return True

    def remove(self, waiting: Waiting | None) -> None:
        """It is over."""
        self.seated(waiting)
        queue = None if waiting is None else self._by_tenant.get(waiting.identity[0])
        if waiting is not None and queue is not None:
            queue.remove(waiting)
            if not queue:
                del self._by_tenant[waiting.identity[0]]
