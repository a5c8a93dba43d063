"""What can be seen of one worker from outside: its metrics, its logs and its health, put together."""

from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry

from agents_defs.registry import Registry
from app.adapters.checks import Pingable, Progress, kafka_check, partitions_check, plans_check, redis_check
from app.adapters.clock import SystemClock
from app.adapters.health import Checks, Health
from app.adapters.kafka_lag import KafkaLag
from app.adapters.kafka_plans import KafkaPlans
from app.adapters.log_observer import LogObserver
from app.adapters.prometheus import PrometheusObserver
from app.adapters.prometheus_pipeline import watch_pipeline
from app.adapters.prometheus_plans import watch_plans
from app.settings import Settings
from streams.observations import Observer, Observers
from streams.options import StreamOptions
from streams.ownership import Ownership
from streams.pipeline import Pipeline
from streams.topics import REQUESTS

SPARE_S = 60.0


class Watch:
    """What is served about a worker, while it is served."""

    def __init__(self, health: Health, lag: KafkaLag) -> None:
        self._health: Final = health
        self._lag: Final = lag

    async def start(self) -> tuple[str, int]:
        """Serve; returns host and port. OSError says in one line why it cannot."""
        bound = await self._health.start()
        await self._lag.start()
        return bound

    def drain(self) -> None:
        """The worker is stopping: no longer ready, still alive."""
        self._health.drain()

    async def stop(self) -> None:
        """Serve no more; also right after a start that failed."""
        await self._lag.stop()
        await self._health.stop()


class Vitals:
    """Give `observer` to the worker, then `watch` its parts.

    One per worker, with metrics of its own: several in one process do not mix.
    """

    def __init__(self, settings: Settings, agents: Registry) -> None:
        specs = agents.specs()
        self._bind: Final = settings.http_address
        self._stall_s: Final = SPARE_S + 2 * max((spec.timeout_s for spec in specs), default=SPARE_S)
        self._version: Final = version("penstock")
        self.registry: Final = CollectorRegistry()
        self._counts: Final = PrometheusObserver(
            self.registry,
            agents=dict.fromkeys(spec.name for spec in specs),
            models=settings.models().tiers.values(),
            version=self._version,
        )
        logs = LogObserver(SystemClock.now, settings.log_level)
        self.observer: Final[Observer] = Observers(self._counts, logs)

    def watch(
        self,
        options: StreamOptions,
        pipeline: Pipeline,
        ownership: Ownership,
        redis: Pingable,
        plans: KafkaPlans,
        memory: Checks | None = None,
    ) -> Watch:
        """These are the worker's parts; they need not be started yet."""
        kafka = options.kafka
        topic = REQUESTS.full_name(kafka.topic_prefix, kafka.app_id)
        lag = KafkaLag(kafka, topic, ownership, pipeline.tracker.position)
        watch_plans(self.registry, plans.plans)
        watch_pipeline(self.registry, pipeline, ownership, options.flow, SystemClock.now, lag.lags)
        ready: Checks = {
            "partitions": partitions_check(ownership),
            "kafka": kafka_check(lag.answers),
            "redis": redis_check(redis),
            "plans": plans_check(lambda: plans.known),
            **(memory or {}),
        }
        progress = Progress(
            SystemClock.now,
            seen=lambda: self._counts.seen,
            work=lambda: pipeline.held or sum(lag.lags().values()),
            needs=ready.values(),
            stall_s=self._stall_s,
        )
        live: Checks = {"progress": progress.check}
        return Watch(Health(self._bind, ready, live, self.registry, self._version), lag)
