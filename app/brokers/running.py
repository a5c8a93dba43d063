"""Remembers which broker `penstock broker start` started, so that `stop` and `status` find it again."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from app.brokers import processes
from app.brokers.broker import BrokerError
from app.brokers.processes import ProcessId

FILE = "broker.json"
GRACE_S = 20.0


@dataclass(frozen=True, slots=True)
class Server:
    """One server of what was started, and its process if it has one of its own here."""

    name: str
    address: str
    version: str
    process: ProcessId | None = None

    def runs(self) -> bool:
        """Whether that process still runs; a server without one of its own is somebody else's to watch."""
        return self.process is None or processes.runs(self.process)


@dataclass(frozen=True, slots=True)
class Running:
    """What was started together."""

    kind: str
    data_dir: str
    servers: tuple[Server, ...]
    foreground: ProcessId | None = None
    """The `penstock broker start` in whose terminal it runs, and with which it ends."""


def save(state_dir: Path, running: Running) -> None:
    """Write it down; the file is whole at any moment."""
    state_dir.mkdir(parents=True, exist_ok=True)
    draft = state_dir / f"{FILE}.new"
    draft.write_text(json.dumps(asdict(running), indent=2) + "\n")
    draft.replace(state_dir / FILE)


def load(state_dir: Path) -> Running | None:
    """What was written down last, if anything."""
    path = state_dir / FILE
    try:
        said = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        raise BrokerError(f"{path} is not readable: end the broker by hand and delete the file") from None
    foreground = said["foreground"]
    return Running(
        kind=said["kind"],
        data_dir=said["data_dir"],
        servers=tuple(_server(server) for server in said["servers"]),
        foreground=ProcessId(**foreground) if foreground else None,
    )


def _server(said: dict[str, object]) -> Server:
    process = said["process"]
    identity = ProcessId(**process) if isinstance(process, dict) else None
    return Server(str(said["name"]), str(said["address"]), str(said["version"]), identity)


def forget(state_dir: Path) -> None:
    """It runs no more."""
    (state_dir / FILE).unlink(missing_ok=True)


def end(running: Running) -> Iterable[str]:
    """End the processes that were started, last one first; says what became of each."""
    if running.foreground:
        yield _told("the broker in the other terminal", running.foreground)
        return
    for server in reversed(running.servers):
        if server.process:
            yield _told(server.name, server.process)


def _told(name: str, process: ProcessId) -> str:
    return f"{name} {'stopped' if processes.end(process, GRACE_S) else 'was not running'}"
