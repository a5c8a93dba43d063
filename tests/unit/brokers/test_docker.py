"""Without Docker, the way out is said in one line."""

import shutil
import subprocess

import pytest

from app.brokers import docker
from app.brokers.broker import BrokerError


def machine(monkeypatch: pytest.MonkeyPatch, *, client: bool, engine: bool, compose: bool) -> None:
    """A machine with those parts of Docker."""

    def run(command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        works = engine if command[1] == "version" else compose
        return subprocess.CompletedProcess(command, 0 if works else 1, "28.2.2\n", "")

    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if client else None)
    monkeypatch.setattr(subprocess, "run", run)


@pytest.mark.parametrize(
    ("client", "engine", "compose", "said"),
    [
        (False, False, False, "docker is missing"),
        (True, False, True, "no Docker engine answers"),
        (True, True, False, "`docker compose` is missing"),
    ],
)
def test_what_is_missing_is_named_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, client: bool, engine: bool, compose: bool, said: str
) -> None:
    machine(monkeypatch, client=client, engine=engine, compose=compose)

    with pytest.raises(BrokerError, match=rf"^{said}: .*, or use --kind kafka or embedded$"):
        docker.DockerBroker().start()


def test_an_engine_that_hangs_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(command: list[str], **_: object) -> None:
        raise subprocess.TimeoutExpired(command, 1)

    machine(monkeypatch, client=True, engine=True, compose=True)
    monkeypatch.setattr(subprocess, "run", hang)

    with pytest.raises(BrokerError, match="no Docker engine answers"):
        docker.engine_version()


def test_kafka_and_redis_are_started_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, client=True, engine=True, compose=True)
    ran: list[list[str]] = []

    def run(command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        ran.append(command)
        return subprocess.CompletedProcess(command, 0, "28.2.2\n", "")

    monkeypatch.setattr(subprocess, "run", run)
    broker = docker.DockerBroker()

    handle = broker.start()
    broker.stop()

    assert handle.bootstrap == "127.0.0.1:9092"
    assert ran[-2][-5:] == ["up", "--detach", "--wait", "kafka", "redis"]
    assert ran[-1][-5:] == ["rm", "--stop", "--force", "kafka", "redis"]


def test_what_compose_says_last_is_the_reason_and_nothing_is_left_running(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine(monkeypatch, client=True, engine=True, compose=True)
    ran: list[list[str]] = []

    def run(command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        ran.append(command)
        return subprocess.CompletedProcess(command, 1, "", "Pulling\nport is already allocated\n\n")

    monkeypatch.setattr(docker, "engine_version", lambda: "28.2.2")
    monkeypatch.setattr(subprocess, "run", run)

    with pytest.raises(BrokerError, match=r"^docker compose up failed: port is already allocated$"):
        docker.DockerBroker().start()

    assert ran[-1][-5:] == ["rm", "--stop", "--force", "kafka", "redis"]
