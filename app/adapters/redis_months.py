"""What counts of tenants' months in Redis, where admission looks: raised to what the topics say."""

from collections.abc import Mapping
from typing import Final

from app.adapters.redis_batch import RedisBatch, script
from app.adapters.redis_keys import RedisKeys
from streams.policy.gates import Gate, What
from streams.policy.windows import MonthWindow

KEPT_MS: Final = 100 * 86_400_000  # as gates.lua has it
RAISE: Final = script("raise")


class RedisMonths:
    """Of a deployment."""

    def __init__(self, batch: RedisBatch, app_id: str) -> None:
        self._batch: Final = batch
        self._keys: Final = RedisKeys(app_id)

    async def counted(self, tenant_id: str, month: int, whats: tuple[What, ...]) -> Mapping[What, int]:
        """What counts now. Raises StoreUnavailable, as the other one."""
        return await self.raise_to(tenant_id, month, dict.fromkeys(whats, 0))

    async def raise_to(self, tenant_id: str, month: int, known: Mapping[What, int]) -> Mapping[What, int]:
        """From now on at least so much counts; returns what did before."""
        keys = [self._keys.window(tenant_id, Gate(MonthWindow(0, month, 0), 0, what)) for what in known]
        before = await self._batch.call(RAISE, keys, [month, KEPT_MS, *known.values()])
        return dict(zip(known, map(int, before), strict=True))
