"""`penstock broker`: starts a Kafka and a Redis to develop with, and stops them."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.brokers import docker, jars, processes, readiness, redis, running
from app.brokers.broker import Broker, BrokerError, BrokerHandle
from app.brokers.docker import DockerBroker
from app.brokers.embedded import EmbeddedBroker, EmbeddedOptions
from app.brokers.kafka import KafkaBroker, KafkaOptions
from app.brokers.redis import RedisOptions, RedisServer
from app.brokers.running import Running, Server

KAFKA_PORT, REDIS_PORT = 9092, 6379
STATE_DIR = Path(".penstock")
WATCH_S = 0.5
INTERRUPTED = 130

broker = typer.Typer(no_args_is_help=True, add_completion=False)


class Kind(StrEnum):
    """What to run."""

    EMBEDDED = "embedded"
    KAFKA = "kafka"
    DOCKER = "docker"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asked for."""

    kind: Kind
    port: int
    redis_port: int | None
    data_dir: Path
    detach: bool


@broker.command()
def start(
    kind: Annotated[
        Kind,
        typer.Option(
            help="embedded: in memory, from Python alone; kafka: Apache Kafka on Java; docker: containers."
        ),
    ] = Kind.EMBEDDED,
    port: Annotated[int, typer.Option(help="Kafka's port; 0 takes any free one.")] = KAFKA_PORT,
    redis_port: Annotated[int, typer.Option(help="Redis' port; 0 takes any free one.")] = REDIS_PORT,
    with_redis: Annotated[bool, typer.Option("--redis/--no-redis", help="Start a Redis as well.")] = True,
    data: Annotated[Path | None, typer.Option(help="Where data and logs are kept.", file_okay=False)] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Leave it running and return.")] = False,
) -> None:
    """Start a broker, and run it until Ctrl-C (or leave it running)."""
    wanted = Wanted(kind, port, redis_port if with_redis else None, data or STATE_DIR / kind, detach)
    # Both raise, so that one way leads out; a shell that starts us in the background has Ctrl-C ignored.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    with _one_line_errors():
        _require_none_running()
        if kind is Kind.DOCKER:
            _start_containers(wanted)
        else:
            _start_processes(wanted)


@broker.command()
def stop() -> None:
    """Stop what `start` started, and nothing else."""
    with _one_line_errors():
        known = running.load(STATE_DIR)
        if known is None:
            typer.echo("no broker was started from here")
            return
        if known.kind == Kind.DOCKER:
            DockerBroker().remove()
            typer.echo("containers removed, their volumes stay")
        for line in running.end(known):
            typer.echo(line)
        running.forget(STATE_DIR)


@broker.command()
def status() -> None:
    """Say what runs, where, and whether it answers; exits 1 when something does not."""
    with _one_line_errors():
        known = running.load(STATE_DIR)
        if known is None:
            typer.echo("no broker was started from here")
            raise typer.Exit(1)
        states = [(server, _state(server)) for server in known.servers]
    for server, state in states:
        process = f", pid {server.process.pid}" if server.process else ""
        typer.echo(f"{server.name} {server.version} at {server.address}{process}: {state}")
    typer.echo(f"data in {known.data_dir}")
    if any(state != "answers" for _, state in states):
        raise typer.Exit(1)


@contextlib.contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except BrokerError as error:
        typer.echo(f"penstock broker: {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def _require_none_running() -> None:
    known = running.load(STATE_DIR)
    if known and any(_state(server) == "answers" for server in known.servers):
        where = known.servers[0].address
        raise BrokerError(f"{known.kind} already runs at {where}: stop it with `penstock broker stop`")


def _start_processes(wanted: Wanted) -> None:
    kafka = _broker(wanted)
    store = _redis(wanted)
    if wanted.kind is Kind.KAFKA and not jars.cached(STATE_DIR):
        typer.echo("fetching Kafka's jars from Maven Central, once (44 MB) ...")
    with contextlib.ExitStack() as undo:
        undo.callback(kafka.stop)
        handle = kafka.start(detach=wanted.detach)
        servers = [_server(wanted.kind, handle)]
        if store:
            undo.callback(store.stop)
            redis_handle = store.start(detach=wanted.detach)
            identity = processes.identify(redis_handle.pid)
            servers.append(Server("redis", redis_handle.url, redis_handle.version, identity))
        _remember(wanted, servers)
        if wanted.detach:
            undo.pop_all()
        else:
            undo.callback(running.forget, STATE_DIR)
            _run_until_told(servers)


def _start_containers(wanted: Wanted) -> None:
    if (wanted.port, wanted.redis_port) != (KAFKA_PORT, REDIS_PORT):
        raise BrokerError(
            "kind docker has its ports in docker-compose.kafka.yml: leave --port and --redis-port"
        )
    docker.engine_version()
    containers = DockerBroker()
    typer.echo("starting containers; the first time, this pulls their images ...")
    handle = containers.start()
    servers = [_server(wanted.kind, handle), Server("redis", containers.redis_url, handle.version)]
    _remember(replace(wanted, data_dir=Path("Docker's volumes")), servers)
    if not wanted.detach:
        _run_until_told(servers)
        containers.stop()
        running.forget(STATE_DIR)


def _broker(wanted: Wanted) -> Broker:
    if wanted.kind is Kind.EMBEDDED:
        return EmbeddedBroker(EmbeddedOptions(wanted.data_dir, wanted.port))
    return KafkaBroker(KafkaOptions(wanted.data_dir, cache=STATE_DIR, port=wanted.port))


def _redis(wanted: Wanted) -> RedisServer | None:
    if wanted.redis_port is None:
        return None
    # Claims that outlive the records they are about would only mislead: Redis keeps what its broker keeps.
    keeps = wanted.kind is Kind.KAFKA
    return RedisServer(RedisOptions(wanted.data_dir / "redis", wanted.redis_port, append_only=keeps))


def _server(kind: Kind, handle: BrokerHandle) -> Server:
    process = processes.identify(handle.pids[0]) if handle.pids else None
    name = "kafka" if kind is Kind.DOCKER else str(kind)
    return Server(name, handle.bootstrap, handle.version, process)


def _remember(wanted: Wanted, servers: list[Server]) -> None:
    ours = None if wanted.detach else processes.identify(os.getpid())
    running.save(STATE_DIR, Running(str(wanted.kind), str(wanted.data_dir), tuple(servers), ours))
    for server in servers:
        typer.echo(f"{server.name} {server.version} at {server.address}")
    if (wanted.port, wanted.redis_port) not in ((KAFKA_PORT, REDIS_PORT), (KAFKA_PORT, None)):
        names = ("PENSTOCK_KAFKA_BOOTSTRAP", "PENSTOCK_REDIS_URL")
        values = [f"{name}={server.address}" for name, server in zip(names, servers, strict=False)]
        typer.echo("export " + " ".join(values))
    if wanted.kind is Kind.EMBEDDED:
        typer.echo("everything is in memory: it ends with the broker")
    typer.echo("stop it with " + ("`penstock broker stop`" if wanted.detach else "Ctrl-C"))


def _run_until_told(servers: list[Server]) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        while all(server.runs() for server in servers):
            time.sleep(WATCH_S)
        ended = next(server.name for server in servers if not server.runs())
        raise BrokerError(f"{ended} ended by itself: its log is in the data folder")


def _state(server: Server) -> str:
    if not server.runs():
        return "not running"
    if server.name == "redis":
        port = int(server.address.rpartition(":")[2].partition("/")[0])
        return "answers" if redis.answers(port) else "does not answer"
    return "answers" if readiness.brokers_known_to(server.address) else "does not answer"
