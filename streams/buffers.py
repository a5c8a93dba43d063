"""How much of each tenant waits in memory; the rest is parked, and comes back when there is room."""

from dataclasses import dataclass
from typing import Any, Final

from streams.entries import refill
from streams.lanes import Lanes
from streams.options import FlowOptions
from streams.parking import Parking
from streams.waiting import Waiting

AT_ONCE = 64  # of one tenant come back: others that are due wait no longer than for these
SURE = 8  # part of its buffer that a tenant has however many others fill theirs


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many requests may wait in memory beside those that run."""

    of_tenant: int
    in_all: int  # less than makes intake stop: what is on its way outside needs room, too

    @classmethod
    def of(cls, options: FlowOptions) -> "Allowance":
        """As the options say."""
        spare = options.max_held - options.max_in_flight
        return cls(options.buffer, spare - refill(options.max_held, options.max_in_flight))

    def room(self, lanes: Lanes[Any], tenant_id: str) -> int:
        """For how many more of this tenant there is room.

        Each may have as much as is left for all: one that floods has half of it, two have a third each, and
        whoever comes then finds room. As long as slots are free nobody is kept from them.
        """
        left = self.in_all - lanes.waiting
        allowed = max(1, self.of_tenant // SURE, min(self.of_tenant, left))
        return allowed + lanes.free - lanes.waiting_of(tenant_id)


class Buffers:
    """Between the lanes and what is parked for lack of room in them."""

    def __init__(self, parking: Parking, allowance: Allowance) -> None:
        self._parking: Final = parking
        self._allowance: Final = allowance
        self._lanes: Lanes[Any]

    def bind(self, lanes: Lanes[Any]) -> None:
        """Where they wait in memory."""
        self._lanes = lanes

    def turned_away(self, tenant_id: str, waiting: Waiting | None) -> bool:
        """Whether a request has to wait outside; `waiting`: its place there, if it comes from there."""
        overflow = self._parking.lot.overflow
        if waiting is not None and overflow.expects(waiting):
            return False
        return overflow.holds(tenant_id) or self._room(tenant_id) <= 0

    def refill(self, tenant_id: str) -> None:
        """Something of the tenant's waits no more: the first of those outside may come in."""
        overflow = self._parking.lot.overflow
        if not overflow.holds(tenant_id):
            return
        room = self._room(tenant_id)
        if room < min(AT_ONCE, (room + self._lanes.waiting_of(tenant_id) + 1) // 2):
            return  # they are read in batches
        for _ in range(min(AT_ONCE, room)):
            first = overflow.first(tenant_id)
            if first is None or first.place.offset < 0 or not self._parking.passed(first):
                return  # nobody goes before it
            overflow.expect(first)
            self._parking.release(first)

    def _room(self, tenant_id: str) -> int:
        return self._allowance.room(self._lanes, tenant_id) - self._parking.lot.overflow.expected(tenant_id)
