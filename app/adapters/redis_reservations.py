"""Reservations in Redis: what a run is going to use is held in its tenant's windows before it is used."""

from collections.abc import Sequence
from typing import Final

from agents_defs.run_journal import RunLost
from app.adapters.redis_batch import RedisBatch, script
from app.adapters.redis_claims import told_gate
from app.adapters.redis_keys import RedisKeys
from app.adapters.redis_lines import Argument
from app.adapters.redis_marker import held_by
from streams.flow import Refuse, shut
from streams.policy.gates import Gate
from streams.ports import RunKey

RESERVE: Final = script("gates", "run", "reserve", joined=True)
LOST, UNKNOWN = 0, -1
DAY_MS: Final = 86_400_000


class RedisReservations:
    """Of a deployment."""

    def __init__(self, batch: RedisBatch, app_id: str, idempotency_days: int) -> None:
        self._batch = batch
        self._keys = RedisKeys(app_id)
        self._horizon_ms = idempotency_days * DAY_MS

    async def reserve(self, run: RunKey, gates: Sequence[Gate]) -> Refuse | None:
        """What the gates ask for is what the run holds from now on, or nothing is changed."""
        keys = [
            self._keys.marker(run.tenant_id, run.request_id, run.generation),
            self._keys.journal(run.tenant_id, run.request_id),
            *(self._keys.window(run.tenant_id, gate) for gate in gates),
        ]
        args: list[Argument] = [held_by(run.attempt, run.token), run.generation, self._horizon_ms, len(gates)]
        for gate in gates:
            args += told_gate(gate)
        reply = await self._batch.call(RESERVE, keys, args)
        if reply in (LOST, UNKNOWN):
            said = f"attempt {run.attempt} at {run.request_id} does not hold it any more"
            raise RunLost(said, emptied=reply == UNKNOWN)
        if not reply:
            return None
        number, used, retry_after_ms, lacks = reply
        return shut(gates[number - 1], lacks, used, retry_after_ms)
