"""Reservations in Redis: what a run is going to use is held for it before, also its seat among others."""

from collections.abc import Sequence
from secrets import token_hex
from typing import Final

from app.adapters.redis_batch import RedisBatch, script
from app.adapters.redis_claims import told_gate
from app.adapters.redis_lines import Argument
from app.adapters.redis_marker import held_by
from app.adapters.redis_run_calls import RedisRunCalls
from schemas.partitions import partition_for
from streams.flow import Refuse, shut
from streams.policy.caps import LINE_MS, Cap, Filled
from streams.policy.gates import MOST, NOTHING_SPENT, Gate, Spending
from streams.ports import RunKey

RESERVE: Final = script("gates", "run", "reserve", joined=True)
SIT: Final = script("run", "sit", joined=True)


class RedisReservations(RedisRunCalls):
    """Of a deployment."""

    def __init__(self, batch: RedisBatch, app_id: str, idempotency_days: int, partitions: int) -> None:
        super().__init__(batch, app_id, idempotency_days)
        self._partitions: Final = partitions
        self._worker: Final = token_hex(6)  # under which it stands in line

    async def reserve(
        self, run: RunKey, gates: Sequence[Gate], spent: Spending = NOTHING_SPENT
    ) -> Refuse | None:
        """What the gates ask for is what the run holds from now on, or nothing is changed."""
        keys = [
            *self._own_keys(run),
            self._keys.gap(partition_for(run.tenant_id.encode(), self._partitions)),
            *(self._keys.window(run.tenant_id, gate) for gate in gates),
        ]
        args: list[Argument] = [held_by(run.attempt, run.token), run.generation, self._horizon_ms]
        args += (spent.tokens, spent.nano_usd, len(gates))
        for gate in gates:
            args += told_gate(gate)
        reply = await self._call(RESERVE, run, keys, args)
        if not reply:
            return None
        number, used, retry_after_ms, lacks = reply
        return shut(gates[number - 1], lacks, used, retry_after_ms)

    async def sit(self, run: RunKey, caps: Sequence[Cap], *, waits: bool = False) -> Filled | None:
        """From now on it is one of the runs under way that each cap counts; or of none, and which is full."""
        keys, args = [*self._own_keys(run)], self._asks_for_seats(run, waits)
        args.append(len(caps))
        for cap in caps:
            keys.append(self._keys.seats(cap.bench))
            if cap.bench.shared:
                keys.append(self._keys.line(cap.bench))
            args += (min(cap.most, MOST), int(cap.bench.shared))
        reply = await self._call(SIT, run, keys, args)
        return Filled(caps[reply[0] - 1], reply[1]) if reply else None

    def _asks_for_seats(self, run: RunKey, waits: bool) -> list[Argument]:
        holder = held_by(run.attempt, run.token)
        return [holder, run.generation, self._horizon_ms, self._worker, int(waits), LINE_MS]
