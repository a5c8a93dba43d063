"""Faults of Kafka and Redis themselves."""

import time
from collections.abc import Sequence

from tests.chaos.scene import Fault, Scene


async def kill_kafka(scene: Scene) -> float | None:
    """kill -9."""
    at = time.monotonic()
    scene.servers.kill_kafka()
    return at


async def revive_kafka(scene: Scene) -> None:
    """Up again."""
    await scene.servers.revive_kafka()


async def kill_redis(scene: Scene) -> float | None:
    """kill -9; it has an append-only file, synced with every write."""
    at = time.monotonic()
    scene.servers.kill_redis()
    return at


async def revive_redis(scene: Scene) -> None:
    """Up again."""
    await scene.servers.revive_redis()


async def flush_redis(scene: Scene) -> float | None:
    """All that it knew is gone."""
    client = scene.servers.redis()
    try:
        await client.flushall()
    finally:
        await client.aclose()
    at = time.monotonic()
    scene.flushes.append(at)
    return at


async def stall_redis(scene: Scene) -> float | None:
    """SIGSTOP: it accepts and does not answer."""
    scene.servers.stall_redis(True)
    return time.monotonic()


async def resume_redis(scene: Scene) -> None:
    """SIGCONT."""
    scene.servers.stall_redis(False)


def catalogue() -> Sequence[Fault]:
    """All of them."""
    return [
        Fault("Kafka kill -9 and restart", kill_kafka, revive_kafka, 1.0, weight=1, seldom=True),
        Fault("Redis kill -9 and restart", kill_redis, revive_redis, 1.0, weight=2),
        Fault("Redis flushed", flush_redis, weight=2),
        Fault("Redis stalled 2 s", stall_redis, resume_redis, 2.0, weight=2),
    ]
