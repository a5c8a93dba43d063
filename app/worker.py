"""One worker in the foreground: checks, starts, serves until it is told to stop, then drains."""

import asyncio
import contextlib
import gc
from typing import Final

import structlog

from agents_defs.call_places import places_of
from agents_defs.equipment import Equipment, equip
from agents_defs.model_access import ModelAccess, open_models
from agents_defs.recovery import Recovery
from agents_defs.registry import BadRegistration, Registry, default_registry
from agents_defs.runner import AgentRunner
from app import startup
from app.adapters.clock import SystemClock
from app.adapters.prometheus_places import watch_places
from app.adapters.redis_client import connect_redis
from app.adapters.redis_names import NameTaken
from app.mcp_servers import WorkerServers
from app.memory import open_memory
from app.settings import Settings
from app.startup import CannotStart
from app.vitals import Vitals
from app.wiring import Wired, wire
from streams.topology import CommittedApp, build_intake, check_faust

# Collections of the youngest objects come every 700 allocations by default: a few for every run.
GC_THRESHOLD = 20_000
STOP_S = 15.0
FINISHING = 0.7  # of the time to drain: after that runs stop at the end of their turn
HANDING_OVER_S = 0.05


class WorkerBroken(Exception):
    """The worker cannot go on; what it had under way is read again by whoever is next."""


class Worker:
    """A worker's life."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry | None = None,
        models: ModelAccess | None = None,
    ) -> None:
        self._settings: Final = settings
        self._log = structlog.get_logger("penstock.worker")
        self.options: Final = settings.stream()
        clock = SystemClock()
        self._models = models or open_models(settings.models(), now=clock.now, at=clock.at)
        self._registry = registry or _agents(settings)
        self._equipment = Equipment(settings.tools())
        self.redis = connect_redis(settings.redis_url)
        self._memory = open_memory(settings, self.redis, self._registry)
        places = places_of(settings.model_caps)
        self._runner = AgentRunner(
            self._registry, self._models, recovery=Recovery(places=places), facts=self._memory.facts
        )
        self._mcp = WorkerServers(self._runner.servers, settings.mcp(), self._registry)
        vitals = Vitals(settings, self._registry)
        watch_places(vitals.registry, places)
        self.wired: Final[Wired] = wire(
            self.options, self.redis, self._registry, self._runner, vitals.observer, self._memory
        )
        self.watch: Final = vitals.watch(
            self.options,
            self.wired.pipeline,
            self.wired.ownership,
            self.redis,
            self.wired.plans,
            {**self._memory.checks(), **self._mcp.watched(vitals.registry)},
        )
        self.app: CommittedApp = build_intake(self.options, self.wired.intake)

    async def start(self) -> None:
        """Start, or raise CannotStart."""
        check_faust()
        self._equip()
        startup.raise_file_limit(self.options.flow.max_in_flight, self._log.warning)
        kafka = self.options.kafka
        await startup.check_kafka(kafka)
        startup.read_keys(self.wired.verifier)
        await startup.look_at_stamps(kafka, self.options.trust, self._log.warning)
        await startup.check_transactions(kafka)
        await startup.check_redis(self.redis, self._settings.redis_url)
        if kafka.delivery == "plain":
            self._log.warning(
                "plain delivery: run one worker only; a crash may publish an outcome or a usage record twice"
            )
        try:
            host, port = await self.watch.start()
        except OSError as error:
            raise CannotStart(str(error)) from error
        self._log.info("worker starting", http=f"{host}:{port}", delivery=kafka.delivery, app_id=kafka.app_id)
        self._build_agents()
        self._mcp.start()
        await self.wired.name.take()
        await self.wired.outbox.start()
        await self.wired.deltas.start()
        await self.wired.bodies.start()
        await startup.read_plans(self.wired.plans.start, kafka)
        await self.wired.control.start()
        self.wired.lifeline.hold(
            asyncio.create_task(self.wired.parking.run(self.wired.pipeline.room), name="parking")
        )
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD, 20, 50)
        await self.app.start()

    def _equip(self) -> None:
        """What tools work with is opened when the first one needs it; what cannot be right is told now."""
        try:
            self._equipment.check()
        except ValueError as error:
            raise CannotStart(f"the example tools: {error}") from error
        equip(self._equipment)

    def _build_agents(self) -> None:
        try:
            self._runner.warm_up()
        except BadRegistration as error:
            raise CannotStart(str(error)) from error

    async def serve(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; raises when a part that it cannot do without ended by itself."""
        ended = asyncio.ensure_future(self.app.wait_until_stopped())
        stopping = asyncio.ensure_future(stop.wait())
        broken = asyncio.ensure_future(self.wired.lifeline.broken())
        try:
            await asyncio.wait({ended, stopping, broken}, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                return
            if broken.done():
                if isinstance(broken.result(), NameTaken):
                    raise WorkerBroken(str(broken.result())) from broken.result()
                raise WorkerBroken(f"a part of the worker died: {broken.result()!r}") from broken.result()
            raise WorkerBroken(f"the consumer ended: {self.app.crash_reason or 'no reason given'}")
        finally:
            for task in (ended, stopping, broken):
                task.cancel()

    async def drain(self) -> int:
        """Read nothing more and let what runs finish; returns how many requests are left undone.

        What is not done in good time stops at the end of its turn, and goes on elsewhere from there.
        """
        self.watch.drain()
        pipeline, drain_s = self.wired.pipeline, self.options.flow.drain_s
        pipeline.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(drain_s):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(drain_s * FINISHING):
                        await pipeline.idle()
                self.wired.departure.begun = True
                while pipeline.lanes.running:
                    await asyncio.sleep(HANDING_OVER_S)
        return pipeline.held

    async def stop(self) -> None:
        """Commit, leave the group, close everything."""
        self.wired.pipeline.reassigned(())  # whoever is next runs again what still runs: pay no more for it
        for close in (
            self.app.stop,
            self.wired.control.stop,
            self.wired.plans.stop,
            self.wired.deltas.stop,
            self.wired.outbox.stop,
            self.wired.bodies.stop,
            self._models.close,
            self._mcp.close,
            self._close_equipment,
            self.watch.stop,
        ):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await close()
        await asyncio.to_thread(self._memory.close)
        await self.redis.aclose()

    async def _close_equipment(self) -> None:
        await asyncio.to_thread(self._equipment.close)


def _agents(settings: Settings) -> Registry:
    try:
        return default_registry(settings.patterns, settings.agents_dir)
    except BadRegistration as error:
        raise CannotStart(f"an agent cannot be registered: {error}") from error
