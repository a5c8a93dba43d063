"""Kafka and Redis in containers where a Docker engine answers; elsewhere these tests are deselected aloud."""

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from testcontainers.community.redis import RedisContainer
from testcontainers.core.container import DockerContainer

from app.brokers import docker, ports, readiness
from tests.container import engine

HERE = Path(__file__).parent
KAFKA_PORT = 9092
START_S = 120.0
DESELECTED = pytest.StashKey[int]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark them; without an engine none is run, and none counts as passed."""
    ours = [item for item in items if HERE in item.path.parents]
    for item in ours:
        item.add_marker("container")
        item.add_marker(pytest.mark.timeout(300))  # the first one pulls images
    if ours and engine.missing():
        config.hook.pytest_deselected(items=ours)
        config.stash[DESELECTED] = len(ours)
        items[:] = [item for item in items if item not in ours]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say why, where it is read."""
    count = config.stash.get(DESELECTED, 0)
    if count:
        reason = f"{count} container tests deselected, no Docker engine answers: {engine.missing()}"
        terminalreporter.write_line(reason, yellow=True)


def image_of(service: str) -> str:
    """The image that docker-compose.kafka.yml pins for a service."""
    found = re.search(rf"^  {service}:\n    image: (\S+)$", docker.COMPOSE_FILE.read_text(), re.MULTILINE)
    assert found
    return found[1]


@pytest.fixture(scope="session")
def kafka_container() -> Iterator[DockerContainer]:
    """Apache Kafka in a container, which tests may kill and start again: its port stays."""
    port = ports.free_port()
    container = DockerContainer(image_of("kafka")).with_bind_ports(KAFKA_PORT, port)
    host = container.get_docker_client().host()
    container.with_envs(**_kafka_settings(f"{host}:{port}"))
    with container:
        yield container


@pytest.fixture
def kafka_bootstrap(kafka_container: DockerContainer) -> str:
    """Its address, once it answers there."""
    address = f"{kafka_container.get_container_host_ip()}:{kafka_container.get_exposed_port(KAFKA_PORT)}"
    readiness.wait_until_serving(address, START_S, lambda: _require_running(kafka_container))
    return address


def _require_running(container: DockerContainer) -> None:
    container.reload()
    if container.status == "exited":
        said = b"".join(container.get_logs()).decode(errors="replace")
        pytest.fail(f"the container ended: {said[-2000:]}", pytrace=False)


def _kafka_settings(address: str) -> dict[str, str]:
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        # Two listeners: the broker calls itself to end transactions, and inside our address leads nowhere.
        "KAFKA_LISTENERS": f"INSIDE://:19092,OUTSIDE://:{KAFKA_PORT},CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"INSIDE://localhost:19092,OUTSIDE://{address}",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "INSIDE",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }


@pytest.fixture(scope="session")
def redis_container() -> Iterator[RedisContainer]:
    """Redis in a container, with an append-only file."""
    container = RedisContainer(image_of("redis")).with_command(
        "redis-server --appendonly yes --appendfsync always"
    )
    with container:
        yield container


@pytest.fixture
def topic_prefix() -> str:
    """A prefix that no other test uses."""
    return f"t{uuid4().hex[:10]}."
