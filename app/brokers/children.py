"""Starts a server process that ends with us, or one that stays."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from app.brokers import processes, tether
from app.brokers.broker import BrokerError
from app.brokers.processes import ProcessId


class Child:
    """A server process that we started: tied to us by a tether process, or detached."""

    def __init__(self, name: str, log: Path, pid: int, tied_by: "subprocess.Popen[bytes] | None") -> None:
        self.name = name
        self.log = log
        self.pid = pid
        self._tether = tied_by
        self._detached: ProcessId | None = None if tied_by else processes.identify(pid)

    def runs(self) -> bool:
        """Whether the server process still runs."""
        if self._detached:
            return processes.runs(self._detached)
        return self._tether is not None and self._tether.poll() is None

    def stop(self) -> None:
        """Terminate it, kill it if it does not end in time, and return once it is gone."""
        if self._detached:
            processes.end(self._detached, tether.GRACE_S)
        elif self._tether and self._tether.stdin:
            self._tether.stdin.close()
            self._tether.wait()

    def kill(self) -> None:
        """SIGKILL it, as a crash would, and return once it is gone."""
        if self.runs():
            os.kill(self.pid, signal.SIGKILL)
        self.stop()

    def last_words(self) -> str:
        """The last lines of its log, for a message about its early end."""
        lines = self.log.read_text(errors="replace").splitlines()
        return " | ".join(line.strip() for line in lines[-3:] if line.strip()) or "it wrote nothing"

    def require_running(self) -> None:
        """Raise when it ended, with what it said last."""
        if not self.runs():
            raise BrokerError(f"{self.name} ended while starting: {self.last_words()} (log: {self.log})")


def spawn(name: str, command: list[str], *, log: Path, detach: bool) -> Child:
    """Start a command whose output goes to a log file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    mode = "detached" if detach else "tied"
    with log.open("ab") as out:
        tether_process = subprocess.Popen(
            [sys.executable, "-I", "-S", tether.__file__, mode, *command],
            stdin=subprocess.DEVNULL if detach else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=out,
            start_new_session=True,  # Ctrl-C reaches us alone, and we stop things in order
        )
    pid = _read_pid(tether_process)
    if pid is None:
        raise BrokerError(f"cannot start {name}: {command[0]} does not run (log: {log})")
    return Child(name, log, pid, None if detach else tether_process)


def _read_pid(tether_process: "subprocess.Popen[bytes]") -> int | None:
    assert tether_process.stdout is not None  # noqa: S101  Popen was asked for a pipe
    with tether_process.stdout as pipe:
        line = pipe.readline()
    if not line.strip() or tether_process.stdin is None:
        tether_process.wait()
    return int(line) if line.strip() else None
