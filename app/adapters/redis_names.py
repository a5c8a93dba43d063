"""Whose a worker's name is: of two that live under one name, the one that started last goes on.

A worker that was frozen, and replaced under its name meanwhile, would otherwise push its successor out of the
group when it wakes up, be pushed out by it in turn, and so on, and nothing would be finished.
"""

import uuid
from typing import Final

import redis.asyncio as redis
from redis.exceptions import RedisError

from app.adapters.redis_keys import RedisKeys


class NameTaken(Exception):
    """Another worker has started under this one's name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"another worker was started under the name {name!r}, so this one ends: "
            "give each worker a PENSTOCK_WORKER_ID of its own"
        )


class WorkerName:
    """The name of this worker; None: it has none, and shares it with nobody."""

    def __init__(self, client: "redis.Redis", app_id: str, name: str | None) -> None:
        self._client: Final = client
        self._name: Final = name
        self._key: Final = RedisKeys(app_id).worker(name or "")
        self._incarnation: Final = uuid.uuid4().hex

    async def take(self) -> None:
        """From now on it is this worker's."""
        if self._name is not None:
            await self._client.set(self._key, self._incarnation)

    async def check(self) -> None:
        """Raises NameTaken where it is another's now. A Redis that forgot it, or is away, says nothing."""
        if self._name is None:
            return
        try:
            await self._client.set(self._key, self._incarnation, nx=True)
            holder = await self._client.get(self._key)
        except (RedisError, OSError):
            return
        if holder not in {None, self._incarnation.encode()}:
            raise NameTaken(self._name)
