"""What all broker tests have: their mark, and time to start servers; and what several of these files use."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from app import provision
from app.adapters.fenced_producer import FencedProducer
from app.simulator.options import SimulatorOptions
from app.simulator.server import RunningSimulator, start
from streams.options import KafkaOptions
from streams.topics import TopicNames, topic_names
from tests.broker.next_owner import Owner, predecessor

HERE = Path(__file__).parent
# The first test may have to fetch Kafka's jars.
SETUP_AND_TEST_S = 120


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test here, and leave others alone."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("broker")
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(SETUP_AND_TEST_S))


@pytest.fixture
async def owner(deployment: KafkaOptions) -> Owner:
    """The next owner of partitions of a deployment that has its topics."""
    await provision.create(deployment)
    return Owner(deployment)


@pytest.fixture
def topics(deployment: KafkaOptions) -> TopicNames:
    """What the deployment's topics are called."""
    return topic_names(deployment.topic_prefix, deployment.app_id)


@pytest.fixture
async def dying(owner: Owner) -> AsyncIterator[FencedProducer]:
    """The producer of a worker that owned partition 0, as the offset that it committed says."""
    async with predecessor(owner) as producer:
        yield producer


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[RunningSimulator]:
    """One that keeps a ledger, in a folder that is not there yet."""
    running = await start(SimulatorOptions(ledger=tmp_path / "books" / "ledger.jsonl"))
    yield running
    await running.stop()


@pytest.fixture
async def client(simulator: RunningSimulator) -> AsyncIterator[AsyncOpenAI]:
    """The official client, which tries nothing twice."""
    async with AsyncOpenAI(base_url=simulator.base_url, api_key="any", max_retries=0) as connected:
        yield connected
