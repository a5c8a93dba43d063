"""Reservations in memory, over the memory of the claim store."""

from collections.abc import Callable, Sequence

from app.testing.memory_claims import ClaimMemory, own_marker, place_of
from streams.flow import Refuse, shut
from streams.policy import holdings
from streams.policy.caps import Cap, Filled, Seeker, sit
from streams.policy.gates import NOTHING_SPENT, Gate, Spending
from streams.ports import RunKey

PARTITION = 0  # tests' tenants are on it, as far as a store has a gap


class MemoryReservations:
    """One worker's client of such a store."""

    def __init__(self, now_ms: Callable[[], int], memory: ClaimMemory) -> None:
        self._now_ms = now_ms
        self.memory = memory
        self.asked = 0
        self._worker = f"worker-{id(self)}"

    async def reserve(
        self, run: RunKey, gates: Sequence[Gate], spent: Spending = NOTHING_SPENT
    ) -> Refuse | None:
        """What the gates ask for is what the run holds from now on, or nothing is changed."""
        self.asked += 1
        own_marker(self.memory, run)
        key = (run.tenant_id, run.request_id, run.generation)
        held = self.memory.held.get(key, {})
        asked = {place_of(run.tenant_id, gate): gate for gate in gates}
        wanted = holdings.missing(asked, held, spent, self._now_ms())
        before = self.memory.before(PARTITION, wanted)
        states, closed = holdings.enter(self.memory.windows, wanted, self._now_ms(), before)
        if closed is not None:
            return shut(closed.gate, closed.gate.amount, closed.used, closed.retry_after_ms)
        self.memory.windows = dict(states)
        self.memory.held[key] = holdings.together(held, holdings.held_by(wanted, self._now_ms()))
        return None

    async def sit(self, run: RunKey, caps: Sequence[Cap], *, waits: bool = False) -> Filled | None:
        """From now on it is one of the runs under way that each cap counts."""
        self.asked += 1
        own_marker(self.memory, run)
        seeker = Seeker((run.tenant_id, run.request_id, run.generation), self._worker, waits)
        self.memory.seats, filled = sit(self.memory.seats, caps, seeker, self._now_ms())
        return filled
