"""The claim stores that the contract is run on, with what a test may do to each behind its back."""

from typing import Any, Protocol

import redis.asyncio as redis

from app.adapters.redis_claims import RedisClaims
from app.wiring import connect_redis
from streams.ports import ClaimStore
from tests.doubles.hand_clock import HandClock
from tests.doubles.memory_claims import ClaimMemory, MemoryClaims

NOBODY = "redis://127.0.0.1:1/0"


class ClaimCase(Protocol):
    """One store, which several workers share."""

    def worker(self) -> ClaimStore:
        """Another worker's client of it."""

    def away(self) -> ClaimStore:
        """A client of a store that does not answer."""

    async def empty(self) -> None:
        """It forgets everything."""

    async def remember(self) -> None:
        """Note its state, to come back to."""

    async def come_back(self) -> None:
        """It lost what was written since."""


class MemoryCase:
    """The double."""

    def __init__(self) -> None:
        self._clock = HandClock()
        self._memory = ClaimMemory()
        self._noted = ClaimMemory()

    def _now_ms(self) -> int:
        return round(self._clock.at().timestamp() * 1000)

    def worker(self) -> ClaimStore:
        return MemoryClaims(self._now_ms, self._memory)

    def away(self) -> ClaimStore:
        store = MemoryClaims(self._now_ms, self._memory)
        store.away = True
        return store

    async def empty(self) -> None:
        self._memory.become(ClaimMemory())

    async def remember(self) -> None:
        self._noted = self._memory.copied()

    async def come_back(self) -> None:
        self._memory.become(self._noted)


class RedisCase:
    """The real thing."""

    def __init__(self, url: str) -> None:
        self._client = connect_redis(url)
        self._nobody = connect_redis(NOBODY)
        self._noted: dict[bytes, Any] = {}

    @property
    def client(self) -> "redis.Redis":
        """To look behind the store."""
        return self._client

    def worker(self) -> ClaimStore:
        return RedisClaims(self._client, "penstock", 7)

    def away(self) -> ClaimStore:
        return RedisClaims(self._nobody, "penstock", 7)

    async def empty(self) -> None:
        await self._client.flushdb()

    async def remember(self) -> None:
        keys = [key async for key in self._client.scan_iter()]
        self._noted = {key: await self._client.dump(key) for key in keys}

    async def come_back(self) -> None:
        await self._client.flushdb()
        for key, dumped in self._noted.items():
            await self._client.restore(key, 0, dumped)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
        await self._nobody.aclose()
