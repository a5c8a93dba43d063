"""Reservations in Redis: what a run is going to use is held for it before, also its seat among others."""

from collections.abc import Sequence
from typing import Final

from app.adapters.redis_batch import RedisBatch, script
from app.adapters.redis_claims import told_gate
from app.adapters.redis_lines import Argument
from app.adapters.redis_marker import held_by
from app.adapters.redis_run_calls import RedisRunCalls
from schemas.partitions import partition_for
from streams.flow import Refuse, shut
from streams.policy.gates import NOTHING_SPENT, Gate, Spending
from streams.ports import RunKey

RESERVE: Final = script("gates", "run", "reserve", joined=True)
SIT: Final = script("run", "sit", joined=True)


class RedisReservations(RedisRunCalls):
    """Of a deployment."""

    def __init__(self, batch: RedisBatch, app_id: str, idempotency_days: int, partitions: int) -> None:
        super().__init__(batch, app_id, idempotency_days)
        self._partitions: Final = partitions

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

    async def sit(self, run: RunKey, seats: int) -> int | None:
        """From now on it is one of the tenant's runs under way; or how many these are, if that is all."""
        keys = (*self._own_keys(run), self._keys.seats(run.tenant_id))
        holder = held_by(run.attempt, run.token)
        reply = await self._call(SIT, run, keys, [holder, run.generation, self._horizon_ms, seats])
        return int(reply[0]) if reply else None
