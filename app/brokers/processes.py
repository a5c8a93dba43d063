"""Names a process so that a recycled pid is never taken for it, and ends it."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from app.brokers.broker import BrokerError

POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A pid and the start time of the process that had it when we looked."""

    pid: int
    started: str


def identify(pid: int) -> ProcessId:
    """The identity of a process that runs now."""
    started = _started(pid)
    if started is None:
        raise BrokerError(f"process {pid} ended as soon as it started")
    return ProcessId(pid, started)


def runs(process: ProcessId) -> bool:
    """Whether that very process still runs."""
    return _started(process.pid) == process.started


def end(process: ProcessId, grace_s: float) -> bool:
    """Terminate it, kill it after the grace; False when it ran no more."""
    if not runs(process):
        return False
    os.kill(process.pid, signal.SIGTERM)
    if not _gone_within(process, grace_s):
        os.kill(process.pid, signal.SIGKILL)
        _gone_within(process, grace_s)
    return True


def _gone_within(process: ProcessId, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while runs(process):
        if time.monotonic() > until:
            return False
        time.sleep(POLL_S)
    return True


def _started(pid: int) -> str | None:
    if sys.platform == "linux":
        return _started_on_linux(pid)
    return _started_by_ps(pid)


def _started_on_linux(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    # The command name, in brackets, may itself hold spaces and brackets.
    fields = stat.rpartition(")")[2].split()
    state, ticks_since_boot = fields[0], fields[19]
    return None if state in "ZX" else f"{boot}/{ticks_since_boot}"


def _started_by_ps(pid: int) -> str | None:
    try:
        row = subprocess.run(
            ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout.split(maxsplit=1)
    except FileNotFoundError:
        raise BrokerError("`ps` is missing: install procps, or run in the foreground") from None
    return None if not row or row[0].startswith("Z") else row[1].strip()
