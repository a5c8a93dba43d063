"""CallPlaces: so many calls to one model at a time; of those that wait, tenants take turns."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Final


class CallPlaces:
    """Of one model in this worker. Whoever took a place gives it back, however its call ended."""

    def __init__(self, most: int) -> None:
        self.most: Final = most
        self.taken = 0
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()  # who is next first

    @property
    def waiting(self) -> int:
        """How many calls wait for a place."""
        return sum(map(len, self._waiting.values()))

    async def take(self, tenant_id: str) -> None:
        """Returns when there is one. Who is cancelled meanwhile has none."""
        if self.taken < self.most:  # then nobody waits
            self.taken += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant_id, deque()).append(place)
        try:
            await place
        except BaseException:
            if place.cancelled():
                self._withdraw(tenant_id, place)
            else:  # it was given in the moment in which nobody wanted it any more
                self.give()
            raise

    def give(self) -> None:
        """A call is over: its place is the next one's."""
        while self._waiting:
            tenant_id, places = next(iter(self._waiting.items()))
            place = places.popleft()
            if places:
                self._waiting.move_to_end(tenant_id)
            else:
                del self._waiting[tenant_id]
            if not place.done():
                place.set_result(None)
                return
        self.taken -= 1

    def _withdraw(self, tenant_id: str, place: asyncio.Future[None]) -> None:
        places = self._waiting.get(tenant_id)
        if places is not None:
            with suppress(ValueError):
                places.remove(place)
            if not places:
                del self._waiting[tenant_id]


def places_of(most: Mapping[str, int]) -> Mapping[str, CallPlaces]:
    """By the model's name; a model that has no cap is not in it."""
    return {model: CallPlaces(number) for model, number in most.items()}
