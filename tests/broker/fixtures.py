"""Real servers for tests: one of each kind per session, for whichever folder asks for them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from app import provision
from app.brokers.broker import BrokerHandle
from app.brokers.kafka import KafkaBroker
from app.brokers.redis import RedisServer
from app.simulator.options import SimulatorOptions
from app.simulator.server import RunningSimulator, start
from streams.options import KafkaOptions
from tests.broker import servers
from tests.broker.crew import SOME_PARTITIONS, Crew, crew_of
from tests.broker.nursery import Nursery
from tests.broker.stand_in_worker import PARTITIONS, StandIn

LARGEST_REQUEST = 200_000
LARGEST_INPUT = 100_000


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerHandle]:
    """A real Kafka, shared by all tests: take topics from `topic_prefix`, and do not stop it."""
    with servers.running_kafka(tmp_path_factory.mktemp("kafka")) as handle:
        yield handle


@pytest.fixture(scope="session")
def redis_server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis, shared by all tests; take `redis_url`, which is empty."""
    with servers.running_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A real PostgreSQL, shared by all tests: work for tenants, or under an app's id, of your own."""
    with servers.running_postgresql() as url:
        yield url


@pytest.fixture
def redis_url(redis_server_url: str) -> str:
    """A real Redis with an empty database, append-only file on."""
    with redis.Redis.from_url(redis_server_url) as client:
        client.flushdb()
        client.script_flush()
    return redis_server_url


@pytest.fixture
def topic_prefix() -> str:
    """A prefix that no other test uses, for topics, groups and transactional ids."""
    return f"t{uuid4().hex[:10]}."


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaBroker]:
    """A Kafka of the test's own, not started yet: to crash and restart."""
    servers.require_kafka()
    node = servers.kafka_node(tmp_path / "kafka")
    yield node
    node.stop()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of the test's own, not started yet: to crash and restart."""
    servers.require_redis()
    node = servers.redis_node(tmp_path / "redis")
    yield node
    node.stop()


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where workers of the broker tests come from."""
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(scope="session")
def standing_crew(
    kafka: BrokerHandle, redis_server_url: str, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Crew]:
    """One worker for all tests that only look at what it makes of their records: use ids of your own."""
    folder = tmp_path_factory.mktemp("standing")
    prefix = f"t{uuid4().hex[:10]}."
    options = KafkaOptions(
        bootstrap=kafka.bootstrap,
        topic_prefix=prefix,
        partitions=SOME_PARTITIONS,
        app_id=prefix.rstrip("."),
        session_timeout_s=3.0,
    )
    asyncio.run(provision.create(options))
    other_database = redis_server_url.replace("/0", "/1")  # `redis_url` empties database 0
    crew = Crew(options, other_database, folder, nursery)
    try:
        crew.settings["OPENAI_BASE_URL"] = crew.start_simulator()
        worker = crew.start(max_request_bytes=LARGEST_REQUEST, max_input_bytes=LARGEST_INPUT)
        asyncio.run(crew.ready(worker))
        yield crew
    finally:
        crew.end()


@pytest.fixture
async def models(tmp_path: Path) -> AsyncIterator[RunningSimulator]:
    """A simulator of the test's own: it knows how many calls are in flight, and keeps a ledger."""
    running = await start(SimulatorOptions(ledger=tmp_path / "ledger.jsonl"))
    yield running
    await running.stop()


@pytest.fixture
def deployment(kafka: BrokerHandle, topic_prefix: str) -> KafkaOptions:
    """Where a deployment of the test's own finds Kafka, and what it is called."""
    return KafkaOptions(
        bootstrap=kafka.bootstrap,
        topic_prefix=topic_prefix,
        partitions=SOME_PARTITIONS,
        app_id=topic_prefix.rstrip("."),
        session_timeout_s=3.0,
    )


@pytest.fixture
async def stand_in(kafka: BrokerHandle, topic_prefix: str) -> StandIn:
    """A deployment with its topics and without a worker."""
    options = KafkaOptions(kafka.bootstrap, topic_prefix, PARTITIONS, app_id=topic_prefix.strip("."))
    deployment = StandIn(options)
    await deployment.create_topics()
    return deployment


@pytest.fixture
async def crew(
    deployment: KafkaOptions, redis_url: str, models: RunningSimulator, nursery: Nursery, tmp_path: Path
) -> AsyncIterator[Crew]:
    """A deployment without workers yet; those that a test starts end with it."""
    async with crew_of(deployment, redis_url, tmp_path, nursery, models.base_url) as made:
        yield made
