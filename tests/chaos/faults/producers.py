"""Faults of those who send: bursts of what cannot be read, and of transactions that are aborted."""

import time
from collections.abc import Sequence

from tests.chaos.scene import Fault, Scene

BURST = 8


async def poison(scene: Scene) -> float | None:
    """A burst of records that cannot be decoded."""
    for _ in range(BURST):
        await scene.traffic.send(scene.tricks.poison())
    return time.monotonic()


async def abort(scene: Scene) -> float | None:
    """A transaction with good requests and poison, aborted."""
    shots = [scene.tricks.aborted() for _ in range(BURST)]
    await scene.traffic.abort([*shots, scene.tricks.poison()])
    return time.monotonic()


def catalogue() -> Sequence[Fault]:
    """All of them."""
    return [Fault("burst of poison", poison), Fault("aborted producer transaction", abort)]
