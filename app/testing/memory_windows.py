"""What the books tell a claim store in memory that was emptied."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from app.testing.memory_claims import ClaimMemory
from streams.drift_watch import Place
from streams.policy.windows import Counted, raised
from streams.ports import StoreUnavailable
from streams.window_keeper import KnownWindow


class MemoryWindows:
    """The books' client of such a store."""

    def __init__(self, memory: ClaimMemory) -> None:
        self.memory = memory
        self.away = False
        self.asked: list[int] = []  # of how many tenants, each time

    async def gaps(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Of these the ones whose windows lack what was before."""
        self._require()
        found = {one: gap for one, gap in self.memory.gaps.items() if one in partitions and not gap.told}
        return {partition: gap.since_ms for partition, gap in found.items()}

    async def refill(self, partition: int, since_ms: int, known: Collection[KnownWindow]) -> None:
        """At least so much counts in these windows, as long as the gap is the same."""
        self._require()
        gap = self.memory.gaps.get(partition)
        if gap is None or gap.since_ms != since_ms:
            return
        for one in known:
            place = (one.tenant_id, one.what, one.window.per, one.agent, None)
            state = self.memory.windows.get(place, Counted())
            self.memory.windows[place] = raised(state, Counted(one.buckets))

    async def told(self, partition: int, since_ms: int) -> None:
        """They lack nothing any more, unless it was emptied again."""
        self._require()
        gap = self.memory.gaps.get(partition)
        if gap is not None and gap.since_ms == since_ms:
            self.memory.gaps[partition] = replace(gap, told=True)

    async def counted(self, places: Collection[Place]) -> Sequence[Mapping[int, int]]:
        """What counts in each of these windows."""
        self._require()
        self.asked.append(len({one.tenant_id for one in places}))
        found = (self.memory.windows.get((one.tenant_id, *one.gate.of), Counted()) for one in places)
        return [one.buckets for one in found]

    def _require(self) -> None:
        if self.away:
            raise StoreUnavailable("it is away")
