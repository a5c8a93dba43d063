"""What stands on the tenants topic now, for whoever is going to change it: plans, and how far it was read."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from app import closing, startup
from app.client.reach import reaching
from app.operators.flags import is_tenant_id
from app.operators.plan_change import Present
from app.operators.plan_reading import PlanReading, read_topic
from app.terminal.exits import Trouble
from schemas.failures import Code
from streams.observations import PlanPassedOver
from streams.options import KafkaOptions
from streams.topics import TENANTS


@dataclass(frozen=True, slots=True)
class Standing:
    """The plans, and what was read of the topic."""

    present: Mapping[str, Present]
    passed_over: Mapping[str, PlanPassedOver]
    marks: Mapping[int, int]  # by partition: all that was committed below was read
    last: Mapping[bytes, int]  # by key: the offset of the last record that was read

    def of(self, tenant_id: str) -> Present:
        """The tenant's plan."""
        return self.present.get(tenant_id, Present())

    def require_readable(self, tenants: Collection[str]) -> None:
        """Whoever writes over a plan that a later version wrote would lose what that says."""
        for tenant_id in sorted(tenants):
            passed = self.passed_over.get(tenant_id)
            if passed is not None and passed.code is Code.UNSUPPORTED_VERSION:
                raise Trouble(f"the plan of {tenant_id} cannot be changed: {passed.why}")


async def read_standing(kafka: KafkaOptions, tenant: str | None = None) -> Standing:
    """All plans, or one tenant's. Records that are passed over are told on standard error."""
    await startup.check_kafka(kafka)
    marks = await _committed_ends(kafka)
    found = await read_topic(kafka, tenant)
    return Standing(_present(found), found.passed_over, marks, found.last)


def _present(found: PlanReading) -> Mapping[str, Present]:
    # A record on another partition is mended by no record on this one.
    broken = {
        tenant_id
        for tenant_id, passed in found.passed_over.items()
        if passed.code is not Code.WRONG_PARTITION and is_tenant_id(tenant_id)
    }
    return {
        tenant_id: Present(found.plans.value(tenant_id), tenant_id in broken)
        for tenant_id in {*found.plans.tenants, *broken}
    }


async def _committed_ends(kafka: KafkaOptions) -> Mapping[int, int]:
    """By partition; below an open transaction, whose records nobody can read yet."""
    topic = TENANTS.full_name(kafka.topic_prefix, kafka.app_id)
    reader = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap, isolation_level="read_committed", enable_auto_commit=False
    )
    try:
        async with reaching(kafka.bootstrap):
            await reader.start()
            ends = await reader.end_offsets([TopicPartition(topic, one) for one in range(kafka.partitions)])
    finally:
        await closing.stop(reader)
    return {place.partition: end for place, end in ends.items()}
