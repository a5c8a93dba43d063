"""The connection to Redis, which fails soon: how long to wait for it is for the stages to decide."""

from typing import Final

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

REDIS_TIMEOUT_S: Final = 5.0


def connect_redis(url: str) -> "redis.Redis":
    """A client of one worker."""
    client: redis.Redis = redis.from_url(
        url,
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        max_connections=64,
        retry=Retry(NoBackoff(), 1),
    )
    return client
