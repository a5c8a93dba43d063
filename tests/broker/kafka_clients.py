"""Small Kafka clients for tests: make a topic, write numbers, read them as a member of a group."""

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code

PARTITIONS = 12
SESSION_MS = 6000
FIRST_WAIT_MS, NEXT_WAIT_MS = 15_000, 1500


async def create_topic(bootstrap: str, topic: str, configs: dict[str, str] | None = None) -> None:
    """Make a topic of twelve partitions; raises what the broker refuses with."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic(topic, PARTITIONS, 1, topic_configs=configs or {})])
    finally:
        await admin.close()
    for name, code, *_ in answer.topic_errors:
        if code:
            raise for_code(code)(name)


async def produce(bootstrap: str, topic: str, count: int, *, idempotent: bool = True) -> None:
    """Write the numbers below `count`, spread over five tenants, and wait until the broker has them all."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=idempotent, acks="all")
    async with producer:
        sent = [
            await producer.send(topic, b"%d" % number, key=b"tenant-%d" % (number % 5))
            for number in range(count)
        ]
        for delivery in sent:
            await delivery


async def consume(bootstrap: str, topic: str, count: int, *, group: str) -> list[bytes]:
    """The next values for a member of the group, which then commits; fewer when no more come."""
    values: list[bytes] = []
    async with member(bootstrap, topic, group) as consumer:
        while len(values) < count:
            batches = await consumer.getmany(timeout_ms=NEXT_WAIT_MS if values else FIRST_WAIT_MS)
            if not batches:
                break
            values += [record.value for batch in batches.values() for record in batch]
        await consumer.commit()
    return values


def member(bootstrap: str, topic: str, group: str, **options: object) -> AIOKafkaConsumer:
    """A consumer that reads what is committed, from the start on, and commits when told."""
    settings: dict[str, object] = {
        "bootstrap_servers": bootstrap,
        "group_id": group,
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
        "isolation_level": "read_committed",
        "session_timeout_ms": SESSION_MS,
        "heartbeat_interval_ms": 500,
    }
    return AIOKafkaConsumer(topic, **(settings | options))


def numbers(count: int) -> list[bytes]:
    """What `produce` wrote, sorted."""
    return sorted(b"%d" % number for number in range(count))
