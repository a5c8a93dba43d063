"""What counts of tenants' months in Redis, where admission looks: raised to what the topics say."""

import asyncio
from collections.abc import Collection, Mapping
from itertools import groupby
from typing import Final

from redis.exceptions import RedisError

from app.adapters.redis_batch import RedisBatch, script
from app.adapters.redis_keys import RedisKeys
from streams.policy.gates import MOST, Gate, What
from streams.policy.windows import MonthWindow
from streams.ports import StoreUnavailable
from streams.quota_keeper import Known

KEPT_MS: Final = 100 * 86_400_000  # as gates.lua has it
TELLING, TOLD = b"telling", b"told"
AT_ONCE: Final = 256
RAISE: Final = script("raise")


class RedisMonths:
    """Of a deployment."""

    def __init__(self, batch: RedisBatch, app_id: str) -> None:
        self._batch: Final = batch
        self._keys: Final = RedisKeys(app_id)

    async def counted(self, tenant_id: str, month: int, whats: tuple[What, ...]) -> Mapping[What, int]:
        """What counts now. Raises StoreUnavailable, as the others."""
        return await self.raise_to(tenant_id, month, dict.fromkeys(whats, 0))

    async def raise_to(self, tenant_id: str, month: int, known: Mapping[What, int]) -> Mapping[What, int]:
        """From now on at least so much counts; returns what did before."""
        keys = [self._keys.window(tenant_id, Gate(MonthWindow(0, month, 0), 0, what)) for what in known]
        before = await self._batch.call(
            RAISE, keys, [month, KEPT_MS, *(min(amount, MOST) for amount in known.values())]
        )
        return dict(zip(known, map(int, before), strict=True))

    async def raise_all(self, known: Collection[Known]) -> None:
        """The same for many, each tenant's behind each other."""
        wanted = [
            (tenant_id, month.ordinal, {one.what: one.amount for one in figures})
            for (tenant_id, month), figures in groupby(known, lambda one: (one.tenant_id, one.month))
        ]
        for start in range(0, len(wanted), AT_ONCE):
            await asyncio.gather(*(self.raise_to(*one) for one in wanted[start : start + AT_ONCE]))

    async def forgotten(self, partitions: Collection[int]) -> frozenset[int]:
        """Of these the ones of which it does not know that it was told everything."""
        places = sorted(partitions)
        keys = [self._keys.months_told(partition) for partition in places]
        if not keys:
            return frozenset()
        try:
            known = await self._batch.client.mget(keys)
            found = [place for place, value in zip(places, known, strict=True) if value != TOLD]
            if found:
                await self._batch.client.mset({self._keys.months_told(one): TELLING for one in found})
        except (RedisError, OSError) as error:
            raise StoreUnavailable(str(error)) from error
        return frozenset(found)

    async def told(self, partitions: Collection[int]) -> None:
        """It was told everything of these; where it was emptied meanwhile, the keys are gone, and stay so."""
        try:
            for partition in partitions:
                await self._batch.client.set(self._keys.months_told(partition), TOLD, xx=True)
        except (RedisError, OSError) as error:
            raise StoreUnavailable(str(error)) from error
