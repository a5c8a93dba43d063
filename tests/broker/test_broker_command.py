"""`penstock broker` starts, finds and stops its own servers, and nobody else's."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.brokers import ports, readiness, redis
from tests.broker import servers

PENSTOCK = (sys.executable, "-m", "app", "broker")
START_S = 60.0


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A working directory of its own, whose broker is stopped whatever happens."""
    servers.require_redis()
    yield tmp_path
    subprocess.run([*PENSTOCK, "stop"], cwd=tmp_path, capture_output=True, timeout=START_S, check=False)


def penstock(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*PENSTOCK, *arguments], cwd=home, capture_output=True, text=True, timeout=START_S, check=False
    )


def free_ports() -> tuple[str, ...]:
    return ("--port", str(ports.free_port()), "--redis-port", str(ports.free_port()))


def recorded(home: Path) -> dict[str, dict[str, object]]:
    """What `start` wrote down, by server."""
    said = json.loads((home / ".penstock" / "broker.json").read_text())
    return {server["name"]: server for server in said["servers"]}


def pids(home: Path) -> list[int]:
    processes = [server["process"] for server in recorded(home).values()]
    return [int(process["pid"]) for process in processes if isinstance(process, dict)]


def gone_within(seconds: float, wanted: list[int]) -> bool:
    until = time.monotonic() + seconds
    while any(_alive(pid) for pid in wanted):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _alive(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


@pytest.mark.parametrize("kind", ["embedded", "kafka"])
def test_detached_it_stays_until_it_is_stopped(home: Path, kind: str) -> None:
    if kind == "kafka":
        servers.require_kafka()
        _lend_jars(home)

    started = penstock(home, "start", "--kind", kind, "--detach", *free_ports())

    assert started.returncode == 0, started.stderr
    ours = recorded(home)
    assert readiness.brokers_known_to(str(ours[kind]["address"])) == 1
    status = penstock(home, "status")
    assert (status.returncode, status.stdout.count(": answers")) == (0, 2)
    running = pids(home)
    stopped = penstock(home, "stop")
    assert stopped.stdout.splitlines() == ["redis stopped", f"{kind} stopped"]
    assert gone_within(10, running)
    assert penstock(home, "status").returncode == 1


def _lend_jars(home: Path) -> None:
    """The jars that this checkout has already."""
    jars = next(servers.CACHE.glob("kafka-*"))
    (home / ".penstock").mkdir()
    (home / ".penstock" / jars.name).symlink_to(jars)


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_in_the_foreground_it_runs_until_told(home: Path, told: signal.Signals) -> None:
    with _foreground(home) as process:
        running = pids(home)

        process.send_signal(told)
        output, errors = process.communicate(timeout=START_S)

    assert (process.returncode, errors) == (0, "")
    assert output.startswith("embedded ")
    assert gone_within(5, running)
    assert not (home / ".penstock" / "broker.json").exists()


def test_killed_it_takes_its_servers_with_it(home: Path) -> None:
    with _foreground(home) as process:
        running = pids(home)

        process.kill()
        process.communicate(timeout=START_S)

    assert gone_within(15, running)


def test_it_ends_when_a_server_ends_by_itself(home: Path) -> None:
    with _foreground(home) as process:
        os.kill(pids(home)[0], signal.SIGKILL)

        _, errors = process.communicate(timeout=START_S)

    assert process.returncode == 1
    assert errors == "penstock broker: embedded ended by itself: its log is in the data folder\n"


@contextlib.contextmanager
def _foreground(home: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [*PENSTOCK, "start", *free_ports()]
    with subprocess.Popen(
        command, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            until = time.monotonic() + START_S
            while not (home / ".penstock" / "broker.json").exists():
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.05)
            yield process
        finally:
            process.kill()


def test_a_second_start_names_the_first(home: Path) -> None:
    penstock(home, "start", "--detach", *free_ports())

    again = penstock(home, "start", "--kind", "kafka", "--detach", *free_ports())

    address = recorded(home)["embedded"]["address"]
    said = f"penstock broker: embedded already runs at {address}: stop it with `penstock broker stop`\n"
    assert (again.returncode, again.stderr) == (1, said)


def test_a_port_that_is_taken_is_named_and_nothing_is_left_running(home: Path, redis_server_url: str) -> None:
    taken = redis_server_url.rpartition(":")[2].partition("/")[0]
    port = ports.free_port()

    started = penstock(home, "start", "--detach", "--port", str(port), "--redis-port", taken)

    said = f"port {taken} is taken: stop what listens there, or choose another with --redis-port"
    assert (started.returncode, started.stderr.strip()) == (1, f"penstock broker: {said}")
    assert not (home / ".penstock" / "broker.json").exists()
    assert ports.is_free(port)


def test_a_process_that_got_the_pid_of_ours_is_left_alone(home: Path) -> None:
    penstock(home, "start", "--detach", *free_ports())
    path = home / ".penstock" / "broker.json"
    said = json.loads(path.read_text())
    ours = pids(home)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        for server in said["servers"]:
            server["process"]["pid"] = stranger.pid
        path.write_text(json.dumps(said))

        stopped = penstock(home, "stop")

        assert stranger.poll() is None
        stranger.communicate(b"\n")
    assert stopped.stdout.splitlines() == ["redis was not running", "embedded was not running"]
    for pid in ours:
        os.kill(pid, signal.SIGTERM)


def test_without_a_docker_engine_the_way_out_is_said(home: Path) -> None:
    environment = os.environ | {"DOCKER_HOST": "unix:///nowhere/docker.sock"}

    started = subprocess.run(
        [*PENSTOCK, "start", "--kind", "docker"],
        cwd=home,
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
        env=environment,
    )

    assert started.returncode == 1
    assert started.stderr.endswith(", or use --kind kafka or embedded\n")


def test_redis_beside_the_embedded_broker_is_as_forgetful(home: Path) -> None:
    penstock(home, "start", "--detach", *free_ports())
    address = str(recorded(home)["redis"]["address"])
    port = int(address.rpartition(":")[2].partition("/")[0])

    assert redis.answers(port)
    assert not list((home / ".penstock" / "embedded" / "redis").glob("appendonly*"))
