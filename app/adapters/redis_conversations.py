"""Conversations in Redis: one list per session, one entry per turn, replaced rather than repeated."""

import json
from collections.abc import Sequence
from typing import Any, Final

import orjson
import redis.asyncio as redis
from redis.exceptions import RedisError

from schemas.text import writable_json
from streams.ports import StoreUnavailable

# A turn that is appended again (after a crash between this and the response) replaces itself: sessions run
# in order, so it can only be the last one.
APPEND_SCRIPT: Final = """
local last = redis.call('LINDEX', KEYS[1], -1)
if last and cjson.decode(last)['request_id'] == ARGV[1] then
  redis.call('LSET', KEYS[1], -1, ARGV[2])
else
  redis.call('RPUSH', KEYS[1], ARGV[2])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return redis.call('LLEN', KEYS[1])
"""


class RedisConversations:
    """The sessions of all tenants of a deployment."""

    def __init__(self, client: "redis.Redis", app_id: str, session_days: int) -> None:
        self._client = client
        self._tag = f"{{{app_id}}}"
        self._ttl_ms = session_days * 86_400_000

    async def read(self, tenant_id: str, session_id: str, request_id: str) -> list[dict[str, Any]]:
        """The items of earlier turns."""
        try:
            turns = await self._client.lrange(self._key(tenant_id, session_id), 0, -1)
        except (RedisError, OSError) as error:
            raise StoreUnavailable(str(error)) from error
        items: list[dict[str, Any]] = []
        for raw in turns:
            turn = orjson.loads(raw)
            if turn["request_id"] != request_id:
                items += turn["items"]
        return items

    async def append(
        self, tenant_id: str, session_id: str, request_id: str, items: Sequence[dict[str, Any]]
    ) -> None:
        """Add the turn of one request."""
        turn = _encoded({"request_id": request_id, "items": list(items)})
        try:
            await self._client.eval(
                APPEND_SCRIPT, 1, self._key(tenant_id, session_id), request_id, turn, self._ttl_ms
            )
        except (RedisError, OSError) as error:
            raise StoreUnavailable(str(error)) from error

    def _key(self, tenant_id: str, session_id: str) -> str:
        return f"{self._tag}:s:{len(tenant_id)}:{tenant_id}:{session_id}"


def _encoded(turn: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(turn)
    except TypeError:  # half a letter, which a provider may send, or a number of more than 64 bits
        return json.dumps(writable_json(turn)).encode()
