"""Calls of scripts about one run: whoever holds its request no longer is told so."""

from collections.abc import Sequence
from typing import Any, Final

from agents_defs.run_journal import RunLost
from app.adapters.redis_batch import RedisBatch, Script
from app.adapters.redis_keys import RedisKeys
from app.adapters.redis_lines import Argument
from streams.ports import RunKey

LOST, UNKNOWN = 0, -1  # as `run.lua` replies
DAY_MS: Final = 86_400_000


class RedisRunCalls:
    """What the stores of runs share."""

    def __init__(self, batch: RedisBatch, app_id: str, idempotency_days: int) -> None:
        self._batch = batch
        self._keys = RedisKeys(app_id)
        self._horizon_ms = idempotency_days * DAY_MS

    def _own_keys(self, run: RunKey) -> tuple[str, str]:
        marker = self._keys.marker(run.tenant_id, run.request_id, run.generation)
        return marker, self._keys.journal(run.tenant_id, run.request_id)

    async def _call(self, called: Script, run: RunKey, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        reply = await self._batch.call(called, keys, args)
        if reply in (LOST, UNKNOWN):
            said = f"attempt {run.attempt} at {run.request_id} does not hold it any more"
            raise RunLost(said, emptied=reply == UNKNOWN)
        return reply
