"""The images that docker-compose.kafka.yml pins do what Penstock needs of them."""

import asyncio

import pytest
import redis
from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerFenced
from testcontainers.community.redis import RedisContainer
from testcontainers.core.container import DockerContainer

from app.brokers import readiness
from tests.broker.kafka_clients import consume, create_topic, numbers, produce

START_S = 60.0


async def test_kafka_gives_a_group_what_an_idempotent_producer_wrote(
    kafka_bootstrap: str, topic_prefix: str
) -> None:
    topic = f"{topic_prefix}numbers"
    await create_topic(kafka_bootstrap, topic)

    await produce(kafka_bootstrap, topic, 500)

    assert sorted(await consume(kafka_bootstrap, topic, 500, group=topic)) == numbers(500)


async def test_kafka_fences_the_predecessor_of_a_transactional_producer(
    kafka_bootstrap: str, topic_prefix: str
) -> None:
    topic = f"{topic_prefix}ledger"
    await create_topic(kafka_bootstrap, topic)
    old = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, transactional_id=topic)
    new = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, transactional_id=topic)
    await old.start()
    await old.begin_transaction()
    await old.send_and_wait(topic, b"from the old owner", key=b"a")

    async with new:
        with pytest.raises(ProducerFenced):
            await old.commit_transaction()

    await old.stop()


async def test_kafka_killed_and_started_again_keeps_what_it_acknowledged(
    kafka_container: DockerContainer, kafka_bootstrap: str, topic_prefix: str
) -> None:
    topic = f"{topic_prefix}numbers"
    await create_topic(kafka_bootstrap, topic)
    await produce(kafka_bootstrap, topic, 50)

    container = kafka_container.get_wrapped_container()
    await asyncio.to_thread(container.kill)
    await asyncio.to_thread(container.start)
    await asyncio.to_thread(readiness.wait_until_serving, kafka_bootstrap, START_S, lambda: None)

    assert sorted(await consume(kafka_bootstrap, topic, 50, group=topic)) == numbers(50)


def test_redis_killed_and_started_again_keeps_what_it_acknowledged(redis_container: RedisContainer) -> None:
    with redis_container.get_client() as client:
        client.set("claim", "token-7")

    container = redis_container.get_wrapped_container()
    container.kill()
    container.start()

    with redis_container.get_client(retry=_patient()) as client:
        assert client.get("claim") == b"token-7"


def _patient() -> redis.retry.Retry:
    return redis.retry.Retry(redis.backoff.ConstantBackoff(0.5), retries=40)
