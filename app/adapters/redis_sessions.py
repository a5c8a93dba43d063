"""Sessions in Redis as operators see them: listed, read, forgotten with the journals of their requests."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import orjson
from redis.exceptions import RedisError

from agents_defs.memory.facts import Owner
from app.adapters.memory_seal import Seal, Unreadable
from app.adapters.redis_batch import RedisBatch, script
from app.adapters.redis_keys import RedisKeys
from app.adapters.session_turns import resealed, said
from app.adapters.session_values import SessionRow, StoredTurn
from streams.ports import StoreUnavailable
from streams.question_ids import asked_in

FORGET: Final = script("forget_session")
RESEAL: Final = script("reseal")
AT_ONCE: Final = 500
UNDER_WAY: Final = b"A"


class RedisSessions:
    """Of a deployment."""

    def __init__(self, batch: RedisBatch, app_id: str, seal: Seal, now: float) -> None:
        self._batch: Final = batch
        self._client: Final[Any] = batch.client
        self._keys: Final = RedisKeys(app_id)
        self._seal: Final = seal
        self._now: Final = now  # seconds since 1970

    async def sessions(self, tenant_id: str | None) -> Sequence[SessionRow]:
        """All there are, of one tenant or of all."""
        found = []
        with _answering():
            async for keys in self._found("s", tenant_id):
                asked = self._client.pipeline(transaction=False)
                for key in keys:
                    asked.llen(key).pttl(key)
                told = await asked.execute()
                for key, turns, left_ms in zip(keys, told[::2], told[1::2], strict=True):
                    if turns:  # else it expired just now
                        whose = self._keys.parts(key)
                        found.append(SessionRow("redis", *whose, turns, self._now + left_ms / 1000))
        return found

    async def turns(self, tenant_id: str, session_id: str) -> Sequence[StoredTurn]:
        """All of it, also what was said before it was put together anew."""
        with _answering():
            stored = await self._client.lrange(self._keys.session(tenant_id, session_id), 0, -1)
            told = [orjson.loads(raw) for raw in stored]
            return [
                StoredTurn(
                    "redis",
                    one["request_id"],
                    said(self._seal, (tenant_id, session_id), one),
                    bool(one.get("anew")),
                )
                for one in told
            ]

    async def under_way(self, tenant_id: str, session_id: str) -> Sequence[str]:
        """The session's requests whose runs have begun and not ended, and what these asked other agents."""
        with _answering():
            return [
                request_id
                for key, request_id in await self._journals(tenant_id, session_id)
                if await self._runs(key, tenant_id, request_id)
            ]

    async def delete(self, tenant_id: str, session_id: str) -> tuple[int, int]:
        """How many turns and how many journals are gone. Runs under way do not write them back."""
        with _answering():
            journals = [key for key, _ in await self._journals(tenant_id, session_id)]
        keys = [self._keys.session(tenant_id, session_id), *journals]
        turns, gone = await self._batch.call(FORGET, keys, [])
        return int(turns), int(gone)

    async def reseal(self) -> int:
        """How many turns were sealed with an older key, or not at all; now the first one seals them."""
        count = 0
        with _answering():
            async for keys in self._found("s", None):
                for key in keys:
                    count += await self._reseal(key)
        return count

    async def _reseal(self, key: str) -> int:
        count, moved = 0, True
        while moved:  # the oldest turns of a session may leave, and all others then stand elsewhere
            moved = False
            for place, raw in enumerate(await self._client.lrange(key, 0, -1)):
                new = resealed(self._seal, self._keys.parts(key), raw)
                if new is None:
                    continue
                if await self._batch.call(RESEAL, [key], ["list", place, raw, new]):
                    count += 1
                else:
                    moved = True
        return count

    async def owners(self) -> Sequence[Owner]:
        """All users of whom anything is remembered."""
        with _answering():
            return [Owner(*self._keys.parts(key)) async for keys in self._found("f", None) for key in keys]

    async def count_facts(self, owner: Owner) -> int:
        """How many there are of a user."""
        with _answering():
            return int(await self._client.hlen(self._keys.facts(owner.tenant_id, owner.user_id)))

    async def forget_user(self, owner: Owner) -> int:
        """How many facts are gone."""
        key = self._keys.facts(owner.tenant_id, owner.user_id)
        with _answering():
            count = int(await self._client.hlen(key))
            await self._client.unlink(key)
        return count

    async def _journals(self, tenant_id: str, session_id: str) -> list[tuple[str, str]]:
        """Keys and request ids: of the session's requests, and of what these asked other agents."""
        found = []
        wanted = session_id.encode("utf-8", "surrogatepass")
        async for keys in self._found("j", tenant_id):
            asked = self._client.pipeline(transaction=False)
            for key in keys:
                asked.hget(key, "@session")
            for key, known in zip(keys, await asked.execute(), strict=True):
                request_id = self._keys.parts(key)[1]
                own = known is not None and known.partition(b":")[2] == wanted
                if own or asked_in(tenant_id, session_id, request_id):
                    found.append((key, request_id))
        return found

    async def _runs(self, journal: str, tenant_id: str, request_id: str) -> bool:
        generation = int(await self._client.hget(journal, "@generation") or 0)
        marker = await self._client.get(self._keys.marker(tenant_id, request_id, generation))
        return bool(marker is not None and marker.startswith(UNDER_WAY))

    async def _found(self, kind: str, tenant_id: str | None) -> AsyncIterator[Sequence[str]]:
        """Keys, many at once, each once."""
        seen: set[bytes] = set()  # SCAN may tell one twice
        cursor, pattern = 0, self._keys.pattern(kind, tenant_id)
        while True:
            cursor, found = await self._client.scan(cursor, match=pattern, count=AT_ONCE)
            new = [key for key in dict.fromkeys(found) if key not in seen]
            seen.update(new)
            if new:
                yield [key.decode("utf-8", "surrogatepass") for key in new]
            if not cursor:
                return


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError, Unreadable) as error:
        raise StoreUnavailable(str(error)) from error
