"""What counts of tenants' months in Redis, where admission looks: raised to what the topics say."""

import asyncio
from collections.abc import Collection, Mapping
from itertools import groupby
from typing import Final
from uuid import uuid4

from redis.exceptions import RedisError

from app.adapters.redis_batch import RedisBatch, script
from app.adapters.redis_keys import RedisKeys
from streams.policy.gates import Gate, What
from streams.policy.windows import MonthWindow
from streams.ports import StoreUnavailable
from streams.quota_keeper import Known

KEPT_MS: Final = 100 * 86_400_000  # as gates.lua has it
STAMP_S: Final = 86_400
AT_ONCE: Final = 256
RAISE: Final = script("raise")


class RedisMonths:
    """Of a deployment."""

    def __init__(self, batch: RedisBatch, app_id: str) -> None:
        self._batch: Final = batch
        self._keys: Final = RedisKeys(app_id)
        self._stamp: Final = self._keys.stamp(uuid4().hex)

    async def counted(self, tenant_id: str, month: int, whats: tuple[What, ...]) -> Mapping[What, int]:
        """What counts now. Raises StoreUnavailable, as the others."""
        return await self.raise_to(tenant_id, month, dict.fromkeys(whats, 0))

    async def raise_to(self, tenant_id: str, month: int, known: Mapping[What, int]) -> Mapping[What, int]:
        """From now on at least so much counts; returns what did before."""
        keys = [self._keys.window(tenant_id, Gate(MonthWindow(0, month, 0), 0, what)) for what in known]
        before = await self._batch.call(RAISE, keys, [month, KEPT_MS, *known.values()])
        return dict(zip(known, map(int, before), strict=True))

    async def raise_all(self, known: Collection[Known]) -> None:
        """The same for many, each tenant's behind each other."""
        calls = [
            self.raise_to(tenant_id, month.ordinal, {one.what: one.amount for one in figures})
            for (tenant_id, month), figures in groupby(known, lambda one: (one.tenant_id, one.month))
        ]
        for start in range(0, len(calls), AT_ONCE):
            await asyncio.gather(*calls[start : start + AT_ONCE])

    async def is_new(self) -> bool:
        """Whether it was emptied since this was asked last; also the first time."""
        try:
            return bool(await self._batch.client.set(self._stamp, "1", ex=STAMP_S, nx=True))
        except (RedisError, OSError) as error:
            raise StoreUnavailable(str(error)) from error
