"""The connection to Redis, which fails soon: how long to wait for it is for the stages to decide."""

from typing import Any, Final

import redis.asyncio as redis
from hiredis import pack_command
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

REDIS_TIMEOUT_S: Final = 5.0


class PackedConnection(redis.Connection):
    """Packs commands in C: the client's own way is half of what a batch of scripts costs."""

    def pack_command(self, *args: Any) -> list[bytes]:
        """The bytes of a command, whose name may be of two words."""
        return [pack_command((*args[0].split(), *args[1:]))]


class PackedSSLConnection(PackedConnection, redis.SSLConnection):
    """The same under TLS."""


PACKED: Final[dict[type, type[redis.Connection]]] = {
    redis.Connection: PackedConnection,
    redis.SSLConnection: PackedSSLConnection,
}


def connect_redis(url: str) -> "redis.Redis":
    """A client of one worker."""
    client: redis.Redis = redis.from_url(
        url,
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        max_connections=64,
        retry=Retry(NoBackoff(), 1),
    )
    pool = client.connection_pool
    pool.connection_class = PACKED.get(pool.connection_class, pool.connection_class)
    return client
