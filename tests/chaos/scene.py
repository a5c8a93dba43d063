"""Everything that a fault may get at."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from streams.options import KafkaOptions
from tests.broker.crew import WorkerProcess
from tests.chaos.load import Load
from tests.chaos.provider import Provider
from tests.chaos.roster import Roster, alive, frozen
from tests.chaos.servers import Servers
from tests.chaos.traffic import Traffic


@dataclass(slots=True)
class Scene:
    """One round, as faults see it."""

    servers: Servers
    provider: Provider
    roster: Roster
    traffic: Traffic
    chance: Random
    kafka: KafkaOptions  # as the driver reaches it
    tricks: Load  # records of faults' own
    flushes: list[float] = field(default_factory=list)  # monotonic times at which Redis lost everything
    struck: list[WorkerProcess] = field(default_factory=list)  # by the present fault

    def anyone(self) -> tuple[str, WorkerProcess]:
        """Some worker that runs."""
        running = [(name, one) for name, one in self.roster.workers.items() if alive(one) and not frozen(one)]
        return self.chance.choice(running or list(self.roster.workers.items()))


# When it happened; None: it did not come to that.
Inject = Callable[[Scene], Awaitable[float | None]]
Heal = Callable[[Scene], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong: how it begins, how long it lasts, how it ends."""

    name: str
    inject: Inject
    heal: Heal | None = None
    lasts_s: float = 0.0
    weight: float = 1.0  # how often, among all
    seldom: bool = False  # takes long: a short matrix has it once or twice
    alone: bool = False  # has a round of its own


async def now_after(step: Any) -> float:
    """The time, once the step is made."""
    if asyncio.iscoroutine(step):
        await step
    return time.monotonic()
