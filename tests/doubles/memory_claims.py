"""A claim store in memory, which can go away, be emptied, and come back without its last writes."""

import asyncio
import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from app.adapters.redis_claims import refusal
from streams.flow import Admit, Answered, Conflict, Duplicate, Refuse, Verdict
from streams.policy import windows
from streams.policy.windows import Counted, Full, Window
from streams.ports import Claim, LedgerLost, Shelf, StoreUnavailable

Id = tuple[str, str]


@dataclass
class Marker:
    """What is known of one request id."""

    sha256: str
    attempts: int = 1
    answered: bool = False


@dataclass
class ClaimMemory:
    """What all clients of one store share."""

    markers: dict[Id, Marker] = field(default_factory=dict)
    windows: dict[tuple[str, str], Counted] = field(default_factory=dict)
    positions: dict[Shelf, int] = field(default_factory=dict)

    def copied(self) -> "ClaimMemory":
        """As it is now, to come back to."""
        return copy.deepcopy(self)

    def become(self, other: "ClaimMemory") -> None:
        """Forget what was written since, as a server does that lost its last writes (or all of them)."""
        self.markers, self.windows, self.positions = other.markers, other.windows, other.positions


class MemoryClaims:
    """One worker's client of such a store."""

    def __init__(self, now_ms: Callable[[], int], memory: ClaimMemory | None = None) -> None:
        self._now_ms = now_ms
        self.memory = memory if memory is not None else ClaimMemory()
        self.away = False
        self.asked: list[Claim] = []
        self._known: dict[Shelf, int] = {}
        self._gate = asyncio.Event()
        self._gate.set()

    def hold(self) -> None:
        """Answer no claim until `let_go`."""
        self._gate.clear()

    def let_go(self) -> None:
        """Answer again."""
        self._gate.set()

    async def claim(self, claims: Sequence[Claim]) -> Sequence[Verdict]:
        """Decide each claim, in order."""
        self.asked += claims
        await self._gate.wait()
        self._require()
        lost = {claim.partition for claim in claims if self._is_lost(claim.partition)}
        if lost:
            raise LedgerLost(sorted(lost))
        return [self._decide(claim) for claim in claims]

    def _is_lost(self, partition: int) -> bool:
        shelf = Shelf("responses", partition)
        return self.memory.positions.get(shelf, -1) < self._known.get(shelf, 0)

    def _decide(self, claim: Claim) -> Verdict:
        key = (claim.tenant_id, claim.request_id)
        marker = self.memory.markers.get(key)
        if marker is not None:
            if marker.sha256 != claim.sha256:
                return Conflict()
            if marker.answered:
                return Duplicate()
            marker.attempts += 1
            return Admit(marker.attempts)
        if claim.window is not None and (refused := self._count(claim.tenant_id, claim.window)):
            return refused
        self.memory.markers[key] = Marker(claim.sha256)
        return Admit(1)

    def _count(self, tenant_id: str, window: Window) -> Refuse | None:
        place = (tenant_id, window.per)
        state = self.memory.windows.get(place, Counted())
        self.memory.windows[place], decision = windows.count(state, window, self._now_ms())
        if isinstance(decision, Full):
            return refusal(window, decision.used, decision.retry_after_ms)
        return None

    async def answer(self, answered: Sequence[Answered], checkpoints: Mapping[Shelf, int]) -> None:
        """Remember outcomes, and up to where each shelf is remembered."""
        self._require()
        for one in answered:
            key = (one.tenant_id, one.request_id)
            self.memory.markers[key] = Marker(one.sha256, answered=True)
        for shelf, position in checkpoints.items():
            begin = self._known.get(shelf, 0)
            if begin <= self.memory.positions.get(shelf, -1) < position:
                self.memory.positions[shelf] = position
            self._known[shelf] = max(position, begin)

    async def rebuilt(self, shelf: Shelf, position: int) -> None:
        """All of a shelf up to there is remembered."""
        self._require()
        self.memory.positions[shelf] = self._known[shelf] = position

    async def checkpoint(self, shelf: Shelf) -> int | None:
        """Up to where a shelf is remembered."""
        self._require()
        return self.memory.positions.get(shelf)

    def _require(self) -> None:
        if self.away:
            raise StoreUnavailable("it is away")
