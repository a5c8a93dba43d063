"""Facts about users in Redis: one hash for each user, each fact sealed for its place."""

from collections.abc import Awaitable, Collection, Sequence
from datetime import datetime
from typing import Any, Final, cast

import orjson
from redis.exceptions import RedisError

from agents_defs.memory.facts import Fact, FactsUnavailable, Owner
from app.adapters.memory_seal import Seal, Unreadable
from app.adapters.redis_batch import RedisBatch, script
from app.adapters.redis_keys import RedisKeys
from schemas.text import writable_json
from streams.ports import StoreUnavailable

KEEP: Final = script("keep_fact")
RESEAL: Final = script("reseal")
WHAT: Final = "fact"


class RedisFacts:
    """Of a deployment."""

    def __init__(self, batch: RedisBatch, app_id: str, seal: Seal) -> None:
        self._batch: Final = batch
        self._keys: Final = RedisKeys(app_id)
        self._seal: Final = seal

    async def keep(self, owner: Owner, fact: Fact, most: int) -> bool:
        """Remember it, if it is not yet. False: there are as many as may be, and nothing was changed."""
        value = self._seal.seal(_written(fact), *fact_place(owner, fact.fact_id))
        try:
            return bool(await self._batch.call(KEEP, (self._key(owner),), (fact.fact_id, value, most)))
        except StoreUnavailable as error:
            raise FactsUnavailable(str(error)) from error

    async def facts(self, owner: Owner) -> Sequence[Fact]:
        """All of the owner's, in no order."""
        try:
            stored: Any = await cast("Awaitable[Any]", self._batch.client.hgetall(self._key(owner)))
            return [self._read(owner, name.decode(), value) for name, value in stored.items()]
        except (RedisError, OSError, Unreadable) as error:
            raise FactsUnavailable(str(error)) from error

    async def reseal(self, owner: Owner) -> int:
        """How many facts were sealed with an older key, or not at all; now the first one seals them."""
        count = 0
        try:
            stored: Any = await cast("Awaitable[Any]", self._batch.client.hgetall(self._key(owner)))
            for name, value in stored.items():
                if not self._seal.is_new(value):
                    place = fact_place(owner, name.decode())
                    new = self._seal.seal(self._seal.open(value, *place), *place)
                    count += await self._batch.call(RESEAL, (self._key(owner),), ("hash", name, value, new))
        except (RedisError, OSError, StoreUnavailable, Unreadable) as error:
            raise FactsUnavailable(str(error)) from error
        return count

    async def drop(self, owner: Owner, fact_ids: Collection[str]) -> int:
        """Forget these; how many of them there were."""
        if not fact_ids:
            return 0
        names = [fact_id.encode("utf-8", "surrogatepass") for fact_id in fact_ids]
        try:
            dropped = self._batch.client.hdel(self._key(owner), *names)
            return int(await dropped)
        except (RedisError, OSError) as error:
            raise FactsUnavailable(str(error)) from error

    def _key(self, owner: Owner) -> str:
        return self._keys.facts(owner.tenant_id, owner.user_id)

    def _read(self, owner: Owner, fact_id: str, stored: bytes) -> Fact:
        told = orjson.loads(self._seal.open(stored, *fact_place(owner, fact_id)))
        at = datetime.fromisoformat(told["at"])
        return Fact(fact_id, told["text"], told["category"], tuple(told["tags"]), at)


def fact_place(owner: Owner, fact_id: str) -> tuple[str, ...]:
    return WHAT, owner.tenant_id, owner.user_id, fact_id


def _written(fact: Fact) -> bytes:
    told: dict[str, Any] = {
        "text": fact.text,
        "category": fact.category,
        "tags": list(fact.tags),
        "at": fact.at.isoformat(),
    }
    return orjson.dumps(writable_json(told))  # a model may say half letters
