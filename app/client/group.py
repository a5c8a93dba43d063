"""Whether anybody works for a deployment: the members of its consumer group."""

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError


async def member_count(bootstrap: str, group: str) -> int | None:
    """None where Kafka does not say."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        described = (await admin.describe_consumer_groups([group]))[0].groups[0]
    except (KafkaError, OSError, IndexError):
        return None
    finally:
        await admin.close()
    members: list[object] = described[5]  # code, group, state, protocol type, protocol, members
    return len(members)
