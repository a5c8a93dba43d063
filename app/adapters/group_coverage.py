"""Whether anybody of the consumer group owns anything.

A group whose leader did not know the topic's partitions, as right after a restart of Kafka, assigns nothing
to anybody, and leaves it at that.
"""

from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaError

from streams.options import KafkaOptions

STABLE: Final = "Stable"


class GroupCoverage:
    """Asks the group's coordinator."""

    def __init__(self, kafka: KafkaOptions) -> None:
        self._kafka: Final = kafka

    async def nobody_owns_anything(self) -> bool:
        """False where that cannot be told."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._kafka.bootstrap)
        try:
            await admin.start()
            (answer,) = await admin.describe_consumer_groups([self._kafka.app_id])
            _, _, state, _, _, members, *_ = answer.groups[0]
            return state == STABLE and bool(members) and not any(_owns(member[4]) for member in members)
        except (KafkaError, OSError, ValueError):
            return False
        finally:
            await admin.close()


def _owns(assignment: bytes) -> bool:
    if not assignment:
        return False
    decoded = ConsumerProtocolMemberAssignment.decode(assignment)
    return any(partitions for _, partitions in decoded.assignment)
