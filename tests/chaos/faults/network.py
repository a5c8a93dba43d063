"""Faults between the workers and Kafka, Redis and the provider."""

import time
from collections.abc import Sequence

from tests.chaos.scene import Fault, Scene

SLOW_S = 0.2


async def slow_down(scene: Scene) -> float | None:
    """200 ms for each way to Kafka and to Redis."""
    for proxy in (scene.servers.kafka_proxy, scene.servers.redis_proxy):
        proxy.delay(SLOW_S / 2)
    return time.monotonic()


async def speed_up(scene: Scene) -> None:
    """As it was."""
    for proxy in (scene.servers.kafka_proxy, scene.servers.redis_proxy):
        proxy.delay(0.0)


async def cut(scene: Scene) -> float | None:
    """Every connection to Kafka and Redis is reset."""
    scene.servers.kafka_proxy.cut()
    scene.servers.redis_proxy.cut()
    return time.monotonic()


async def lose_kafka(scene: Scene) -> float | None:
    """Nothing gets to Kafka nor back, and no connection breaks."""
    scene.servers.kafka_proxy.stall(True)
    return time.monotonic()


async def find_kafka(scene: Scene) -> None:
    """All of it arrives."""
    scene.servers.kafka_proxy.stall(False)


async def hang_up(scene: Scene) -> float | None:
    """The provider breaks off every answer."""
    scene.provider.hang_up()
    return time.monotonic()


async def stall_provider(scene: Scene) -> float | None:
    """The provider is silent."""
    scene.provider.proxy.stall(True)
    return time.monotonic()


async def resume_provider(scene: Scene) -> None:
    """It speaks again."""
    scene.provider.proxy.stall(False)


async def refuse(scene: Scene) -> float | None:
    """429 for everybody."""
    scene.provider.storm(True)
    return time.monotonic()


async def relent(scene: Scene) -> None:
    """As it was."""
    scene.provider.storm(False)


def catalogue() -> Sequence[Fault]:
    """All of them."""
    return [
        Fault("200 ms to Kafka and Redis", slow_down, speed_up, 4.0, weight=2),
        Fault("connections to Kafka and Redis reset", cut, weight=2),
        Fault("Kafka out of reach past the session", lose_kafka, find_kafka, 5.0, weight=1),
        Fault("provider hangs up", hang_up, weight=2),
        Fault("provider silent 2 s", stall_provider, resume_provider, 2.0, weight=1),
        Fault("429 storm", refuse, relent, 2.0, weight=2),
    ]
