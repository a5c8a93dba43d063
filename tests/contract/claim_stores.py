"""The claim stores that the contract is run on, with what a test may do to each behind its back."""

from dataclasses import replace
from typing import Any, Protocol

import orjson
import redis.asyncio as redis

from agents_defs.memory.facts import FactStore
from agents_defs.memory.process_facts import ProcessFacts
from app.adapters.memory_seal import Seal
from app.adapters.redis_batch import RedisBatch
from app.adapters.redis_claims import RedisClaims
from app.adapters.redis_client import connect_redis
from app.adapters.redis_facts import RedisFacts
from app.adapters.redis_keys import RedisKeys
from app.adapters.redis_lines import RedisLines
from app.adapters.redis_months import RedisMonths
from app.adapters.redis_reservations import RedisReservations
from app.adapters.redis_runs import RedisRuns
from app.adapters.redis_sessions import RedisSessions
from app.adapters.redis_windows import RedisWindows
from streams.drift_watch import Counts
from streams.policy.session_size import MOST_BYTES
from streams.ports import ClaimStore, Reservations, RunStore
from streams.window_keeper import WindowStore
from tests.doubles.hand_clock import HandClock
from tests.doubles.memory_claims import ClaimMemory, MemoryClaims
from tests.doubles.memory_reservations import MemoryReservations
from tests.doubles.memory_runs import MemoryRuns
from tests.doubles.memory_windows import MemoryWindows

NOBODY = "redis://127.0.0.1:1/0"


class BooksStore(WindowStore, Counts, Protocol):
    """What the books tell it and ask it."""


class ClaimCase(Protocol):
    """One store, which several workers share."""

    def worker(self) -> ClaimStore:
        """Another worker's client of it."""

    def away(self) -> ClaimStore:
        """A client of a store that does not answer."""

    def runs(self, session_bytes: int = MOST_BYTES) -> RunStore:
        """Another worker's client of the runs in it."""

    def reservations(self) -> Reservations:
        """Another worker's client of what runs hold in it."""

    def windows(self) -> BooksStore:
        """The books' client of it."""

    async def passes(self, ms: int) -> None:
        """So much time goes by, as far as what is noted of a gap is concerned."""

    def facts(self) -> FactStore:
        """Another worker's client of what is remembered of users in it."""

    async def lose_session(self, tenant_id: str, session_id: str) -> None:
        """The session's time is up."""

    async def delete_session(self, tenant_id: str, session_id: str) -> None:
        """An operator deletes it."""

    async def add_turn(
        self, tenant_id: str, session_id: str, request_id: str, items: list[dict[str, Any]]
    ) -> None:
        """A turn stands in the session whose outcome is not decided."""

    async def hide(self) -> None:
        """It does not answer those whose run store is open, until `show`."""

    async def show(self) -> None:
        """It answers again."""

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
        self._runs: list[MemoryRuns] = []
        self._facts = ProcessFacts()

    def _now_ms(self) -> int:
        return round(self._clock.at().timestamp() * 1000)

    def worker(self) -> ClaimStore:
        return MemoryClaims(self._now_ms, self._memory)

    def away(self) -> ClaimStore:
        store = MemoryClaims(self._now_ms, self._memory)
        store.away = True
        return store

    def runs(self, session_bytes: int = MOST_BYTES) -> RunStore:
        self._runs.append(MemoryRuns(self._memory, self._now_ms, session_bytes))
        return self._runs[-1]

    def reservations(self) -> Reservations:
        return MemoryReservations(self._now_ms, self._memory)

    def windows(self) -> BooksStore:
        return MemoryWindows(self._memory)

    async def passes(self, ms: int) -> None:
        for partition, gap in self._memory.gaps.items():
            self._memory.gaps[partition] = replace(gap, since_ms=gap.since_ms - ms)

    def facts(self) -> FactStore:
        return self._facts

    async def lose_session(self, tenant_id: str, session_id: str) -> None:
        del self._memory.sessions[(tenant_id, session_id)]

    async def delete_session(self, tenant_id: str, session_id: str) -> None:
        await MemoryRuns(self._memory).delete_session(tenant_id, session_id)

    async def add_turn(
        self, tenant_id: str, session_id: str, request_id: str, items: list[dict[str, Any]]
    ) -> None:
        self._memory.sessions.setdefault((tenant_id, session_id), []).append((request_id, items))

    async def hide(self) -> None:
        for runs in self._runs:
            runs.away = True

    async def show(self) -> None:
        for runs in self._runs:
            runs.away = False

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
        self._lines = RedisLines(self._client)
        self._batches: list[RedisBatch] = []
        self._noted: dict[bytes, Any] = {}

    @property
    def client(self) -> "redis.Redis":
        """To look behind the store."""
        return self._client

    def worker(self) -> ClaimStore:
        return RedisClaims(RedisBatch(self._client, self._lines), "penstock", 7)

    def away(self) -> ClaimStore:
        return RedisClaims(RedisBatch(self._nobody), "penstock", 7)

    def runs(self, session_bytes: int = MOST_BYTES) -> RunStore:
        self._batches.append(RedisBatch(self._client, self._lines))
        return RedisRuns(self._batches[-1], "penstock", 7, 30, session_bytes=session_bytes)

    def reservations(self) -> Reservations:
        return RedisReservations(RedisBatch(self._client, self._lines), "penstock", 7, 1)

    def facts(self) -> FactStore:
        return RedisFacts(RedisBatch(self._client, self._lines), "penstock", Seal())

    def windows(self) -> BooksStore:
        return RedisWindows(RedisBatch(self._client, self._lines), "penstock")

    async def passes(self, ms: int) -> None:
        async for key in self._client.scan_iter("{penstock}:gap:*"):
            since, told, rest = bytes(await self._client.get(key)).partition(b":")  # type: ignore[arg-type]
            await self._client.set(key, b"%d" % (int(since) - ms) + told + rest, keepttl=True)

    def months(self) -> RedisMonths:
        """What counts of months in it."""
        return RedisMonths(RedisBatch(self._client, self._lines), "penstock")

    async def lose_session(self, tenant_id: str, session_id: str) -> None:
        assert await self._client.delete(RedisKeys("penstock").session(tenant_id, session_id))

    async def delete_session(self, tenant_id: str, session_id: str) -> None:
        await self.sessions().delete(tenant_id, session_id)

    def sessions(self) -> RedisSessions:
        """As operators see them."""
        return RedisSessions(RedisBatch(self._client, self._lines), "penstock", Seal(), 0.0)

    async def add_turn(
        self, tenant_id: str, session_id: str, request_id: str, items: list[dict[str, Any]]
    ) -> None:
        turn = orjson.dumps({"request_id": request_id, "items": items})
        await self._client.rpush(RedisKeys("penstock").session(tenant_id, session_id), turn)

    async def hide(self) -> None:
        for batch in self._batches:
            batch.lines = RedisLines(self._nobody)

    async def show(self) -> None:
        for batch in self._batches:
            batch.lines = self._lines

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
