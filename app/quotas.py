"""What the books need to keep quotas: the tenants' plans, followed, and the store in which workers count."""

from collections.abc import Sequence
from typing import Final

from app import startup
from app.adapters.clock import SystemClock
from app.adapters.kafka_plans import KafkaPlans
from app.adapters.log_observer import LogObserver
from app.adapters.redis_batch import RedisBatch
from app.adapters.redis_client import connect_redis
from app.adapters.redis_months import RedisMonths
from app.adapters.redis_windows import RedisWindows
from app.settings import Settings
from schemas.tenants import Quota
from streams.book_keepers import Keepers
from streams.drift_watch import Bounds, DriftWatch
from streams.lifeline import Lifeline
from streams.plans import Plans
from streams.policy.gates import Rule
from streams.quota_keeper import QuotaKeeper
from streams.tenancy import Tenancy
from streams.topics import AUDIT, TENANTS
from streams.window_keeper import WindowKeeper


class Quotas:
    """The keeper, and what it asks. Redis may be away: then workers are told later."""

    def __init__(self, settings: Settings) -> None:
        options = settings.stream()
        kafka, observer = options.kafka, LogObserver(SystemClock().now, settings.log_level)
        self.lifeline: Final = Lifeline()
        self._kafka: Final = kafka
        self.redis: Final = connect_redis(settings.redis_url)
        in_force = Plans(observer)
        topic = TENANTS.full_name(kafka.topic_prefix, kafka.app_id)
        self._plans: Final = KafkaPlans(kafka, topic, in_force, observer, self.lifeline)
        self._tenancy: Final = Tenancy(options.limits, in_force)
        batch = RedisBatch(self.redis)
        store = RedisMonths(batch, kafka.app_id)
        audits = AUDIT.full_name(kafka.topic_prefix, kafka.app_id)
        clock = SystemClock()
        counts = RedisWindows(batch, kafka.app_id)
        quotas = QuotaKeeper(self.quota_of, store, clock, audits)
        windows = WindowKeeper(self.rules_of, counts, clock)
        drift = DriftWatch(Bounds(self.quota_of, self.rules_of), counts, clock, observer)
        self.keepers: Final = Keepers(quotas, windows, drift)

    def quota_of(self, tenant_id: str) -> Quota | None:
        """As it is in force now."""
        return self._tenancy.terms(tenant_id).plan.quota

    def rules_of(self, tenant_id: str) -> Sequence[Rule]:
        """Its limits as they are in force now."""
        return self._tenancy.terms(tenant_id).rules

    @property
    def plans_known(self) -> bool:
        """Whether they were read."""
        return self._plans.known

    async def start(self) -> None:
        """Read all plans. Raises CannotStart."""
        await startup.read_plans(self._plans.start, self._kafka)

    async def stop(self) -> None:
        """Close the connections."""
        await self._plans.stop()
        await self.redis.aclose()
