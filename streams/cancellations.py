"""Cancels that came before their requests: kept for a day."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from streams.flow import Problem
from streams.ports import Clock
from streams.waiting import Identity

KEPT = timedelta(hours=24)
MOST = 100_000  # beyond it the oldest is forgotten


class Cancellations:
    """By request; the oldest first."""

    def __init__(self, clock: Clock) -> None:
        self._clock: Final = clock
        self._kept: OrderedDict[Identity, tuple[datetime, Problem]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, key: Identity, problem: Problem, at: datetime) -> None:
        """Said at that time, of a request that is not known yet."""
        now = self._clock.at()
        at = min(at, now)  # a producer's clock may say anything
        if at <= now - KEPT:
            return
        self._kept[key] = (at, problem)
        self._kept.move_to_end(key)
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)

    def take(self, key: Identity, since: datetime | None = None) -> Problem | None:
        """Whether this request was cancelled before it came, and not before `since`."""
        if not self._kept:
            return None
        self._forget_old()
        found = self._kept.pop(key, None)
        return found[1] if found and (since is None or found[0] > since) else None

    def _forget_old(self) -> None:
        now = self._clock.at()
        while self._kept:
            said_at, _ = next(iter(self._kept.values()))
            if said_at > now - KEPT:
                return
            self._kept.popitem(last=False)
