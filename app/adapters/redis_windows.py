"""Gaps of windows in Redis, which was emptied: where they are, and filled with what the topics say."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import Final

from redis.exceptions import RedisError

from app.adapters.redis_batch import RedisBatch, script
from app.adapters.redis_keys import RedisKeys
from app.adapters.redis_lines import Argument
from streams.drift_watch import Place
from streams.policy.gates import MOST, Gate
from streams.ports import StoreUnavailable
from streams.window_keeper import KnownWindow

AT_ONCE: Final = 256
REFILL: Final = script("refill")
TOLD: Final = script("told")


class RedisWindows:
    """Of a deployment."""

    def __init__(self, batch: RedisBatch, app_id: str) -> None:
        self._batch: Final = batch
        self._keys: Final = RedisKeys(app_id)

    async def gaps(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Of these the ones whose windows lack what was before; since when all is counted there."""
        places = sorted(partitions)
        if not places:
            return {}
        try:
            noted = await self._batch.client.mget([self._keys.gap(partition) for partition in places])
        except (RedisError, OSError) as error:
            raise StoreUnavailable(str(error)) from error
        found = zip(places, noted, strict=True)
        return {place: int(since) for place, since in found if since is not None and since.isdigit()}

    async def refill(self, partition: int, since_ms: int, known: Collection[KnownWindow]) -> None:
        """At least so much counts in these windows, as long as the gap is the same."""
        tenants = [list(windows) for _, windows in groupby(known, lambda one: one.tenant_id)]
        for start in range(0, len(tenants), AT_ONCE):
            some = tenants[start : start + AT_ONCE]
            await asyncio.gather(*(self._refill(partition, since_ms, windows) for windows in some))

    async def _refill(self, partition: int, since_ms: int, known: Collection[KnownWindow]) -> None:
        keys, args = [self._keys.gap(partition)], list[Argument]([since_ms])
        for one in known:
            keys.append(self._key(one))
            args += (one.window.bucket_ms, one.window.buckets, len(one.buckets))
            for bucket, amount in one.buckets.items():
                args += (bucket, min(amount, MOST))
        await self._batch.call(REFILL, keys, args)

    async def told(self, partition: int, since_ms: int) -> None:
        """They lack nothing any more, unless it was emptied again."""
        await self._batch.call(TOLD, [self._keys.gap(partition)], [since_ms])

    async def counted(self, places: Collection[Place]) -> Sequence[Mapping[int, int]]:
        """What counts in each of these windows, by bucket."""
        pipeline = self._batch.client.pipeline(transaction=False)
        for place in places:
            pipeline.hgetall(self._keys.window(place.tenant_id, place.gate))
        try:
            found = await pipeline.execute() if places else []
        except (RedisError, OSError) as error:
            raise StoreUnavailable(str(error)) from error
        return [{int(bucket): int(n) for bucket, n in one.items()} for one in found]

    def _key(self, known: KnownWindow) -> str:
        gate = Gate(known.window, 0, known.what, known.agent)
        if known.each_user:
            return self._keys.everybody(known.tenant_id, gate)
        return self._keys.window(known.tenant_id, gate)
