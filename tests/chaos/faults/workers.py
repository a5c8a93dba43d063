"""Faults of workers: killed, frozen, stopped, replaced, at random and at named points."""

import asyncio
import time
from collections.abc import Sequence

from tests.chaos.points import Action, Order, Point, points
from tests.chaos.roster import strike
from tests.chaos.scene import Fault, Heal, Inject, Scene

FROZEN_S = 4.0  # the session of these tests' workers ends after 3
PATIENCE_S = 5.0  # until a worker comes by a point
STORM = 3


async def kill_one(scene: Scene) -> float | None:
    """kill -9, wherever it is."""
    _, worker = scene.anyone()
    at = time.monotonic()
    worker.kill()
    return at


async def kill_all(scene: Scene) -> float | None:
    """The whole machine, as it were."""
    at = time.monotonic()
    for worker in list(scene.roster.workers.values()):
        worker.kill()
    return at


async def stop_one(scene: Scene) -> float | None:
    """SIGTERM: it hands over in order."""
    _, worker = scene.anyone()
    worker.terminate()
    return time.monotonic()


async def freeze_one(scene: Scene) -> float | None:
    """SIGSTOP, wherever it is."""
    _, worker = scene.anyone()
    worker.freeze()
    scene.struck = [worker]
    return time.monotonic()


async def freeze_and_replace(scene: Scene) -> float | None:
    """SIGSTOP; whoever watches over workers takes it for dead and starts another one of its name."""
    name, worker = scene.anyone()
    worker.freeze()
    scene.struck = [worker]
    scene.roster.replace(name)
    return time.monotonic()


async def thaw(scene: Scene) -> None:
    """SIGCONT."""
    for worker in scene.struck:
        worker.thaw()
    scene.struck = []


async def storm(scene: Scene) -> float | None:
    """Workers come and go, faster than the group settles."""
    at = time.monotonic()
    for number in range(STORM):
        guest = scene.roster.bear(f"guest-{number}")
        scene.roster.extra.append(guest)
        await asyncio.sleep(scene.chance.uniform(0.6, 1.4))
        if scene.chance.random() < 0.5:
            guest.terminate()
        else:
            guest.kill()
    return at


def at_point(point: Point, action: Action) -> Inject:
    """It dies, or freezes, right there."""

    async def inject(scene: Scene) -> float | None:
        _, worker = scene.anyone()
        order = Order(point.name, action, scene.chance.randint(1, 3))
        at = await strike(worker, order, PATIENCE_S)
        scene.struck = [worker] if action == "freeze" else []
        return at

    return inject


def _frozen(name: str, inject: Inject, **more: float) -> Fault:
    heal: Heal = thaw
    return Fault(name, inject, heal, FROZEN_S, weight=more.get("weight", 1.0))


def catalogue() -> Sequence[Fault]:
    """All of them."""
    named = points()
    return [
        Fault("kill -9", kill_one, weight=6),
        Fault("kill -9 of all workers", kill_all, weight=1),
        Fault("SIGTERM", stop_one, weight=1),
        _frozen("frozen past its session", freeze_one, weight=3),
        _frozen("frozen and replaced under its name", freeze_and_replace, weight=1),
        Fault("rebalance storm", storm, weight=1.5),
        *(Fault(f"kill -9 {point.name}", at_point(point, "die")) for point in named),
        *(_frozen(f"frozen {point.name}", at_point(point, "freeze"), weight=0.3) for point in named),
    ]
