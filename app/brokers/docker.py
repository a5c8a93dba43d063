"""Runs Kafka and Redis in containers, from docker-compose.kafka.yml."""

import contextlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from app.brokers.broker import BrokerError, BrokerHandle
from app.brokers.ports import LOOPBACK

COMPOSE_FILE = Path(__file__).parents[2] / "docker-compose.kafka.yml"
KAFKA_PORT, REDIS_PORT = 9092, 6379
SERVICES = ("kafka", "redis")
UP_S = 600.0  # the first start pulls the images
ASK_S = 20.0
INSTEAD = "or use --kind kafka or embedded"


@dataclass(frozen=True, slots=True)
class DockerOptions:
    """Which stack, under which name."""

    compose_file: Path = COMPOSE_FILE
    project: str = "penstock"


class DockerBroker:
    """Kafka and Redis in containers; their data stay in volumes. The ports are those of the compose file."""

    def __init__(self, options: DockerOptions | None = None) -> None:
        self._options = options or DockerOptions()
        self._started = False

    def start(self, *, detach: bool = False) -> BrokerHandle:
        """Pull what is missing, start it, and return once both are healthy; always detached."""
        del detach
        version = engine_version()
        if not self._options.compose_file.exists():
            raise BrokerError(
                f"kind docker needs {self._options.compose_file.name} from Penstock's source tree"
            )
        self._started = True
        try:
            self._compose("up", "--detach", "--wait", *SERVICES)
        except BaseException:
            with contextlib.suppress(BrokerError):  # what went wrong first is what is told
                self.stop()
            raise
        return BrokerHandle(
            kind="docker", bootstrap=f"{LOOPBACK}:{KAFKA_PORT}", version=f"on Docker {version}"
        )

    def stop(self) -> None:
        """Remove the containers that we started; their volumes stay."""
        if self._started:
            self._compose("rm", "--stop", "--force", *SERVICES)
            self._started = False

    def remove(self) -> None:
        """As `stop`, for containers that another process started."""
        engine_version()
        self._started = True
        self.stop()

    @property
    def redis_url(self) -> str:
        """Where the stack's Redis is."""
        return f"redis://{LOOPBACK}:{REDIS_PORT}/0"

    def _compose(self, *arguments: str) -> None:
        stack = ["-f", str(self._options.compose_file), "-p", self._options.project]
        try:
            done = subprocess.run(
                ["docker", "compose", *stack, *arguments],
                capture_output=True,
                text=True,
                timeout=UP_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BrokerError(f"docker compose {arguments[0]} took over {UP_S:.0f} s") from None
        if done.returncode:
            said = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["no reason given"]
            raise BrokerError(f"docker compose {arguments[0]} failed: {said[-1]}")


def engine_version() -> str:
    """The engine's version; raises BrokerError when Docker, its engine or compose is not there."""
    if not shutil.which("docker"):
        raise BrokerError(f"docker is missing: install Docker, {INSTEAD}")
    engine = _asked("version", "--format", "{{.Server.Version}}")
    if engine is None:
        raise BrokerError(f"no Docker engine answers: start Docker, {INSTEAD}")
    if _asked("compose", "version") is None:
        raise BrokerError(f"`docker compose` is missing: install Docker's compose plugin, {INSTEAD}")
    return engine


def _asked(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, timeout=ASK_S, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
