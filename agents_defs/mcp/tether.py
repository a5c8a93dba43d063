"""Runs one MCP server for a worker and ends it, and all that it started, when the worker is gone; a script.

`tether.py PID COMMAND...`: the command has our standard input and output; PID is the worker's.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

LOOK_S = 1.0
PR_SET_PDEATHSIG = 1


def told_when_parent_dies(number: int) -> None:
    """Have Linux send us this signal then; elsewhere we look once a second."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)


def die_with_parent() -> None:
    """For the server, should we be killed ourselves."""
    told_when_parent_dies(signal.SIGKILL)


def end_all() -> None:
    """Kill our process group: ourselves, the server and what it started."""
    os.killpg(os.getpgrp(), signal.SIGKILL)


def watch(worker: int) -> None:
    """Look whether the worker is still our parent, for as long as we live."""
    while os.getppid() == worker:
        time.sleep(LOOK_S)
    end_all()


def main(worker: int, command: list[str]) -> None:
    """Ends when the command does, and then with all that it has left behind."""

    def on_signal(*_: object) -> None:
        if os.getppid() != worker:
            end_all()

    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)  # whoever started us did not: killing our group must not kill others
    signal.signal(signal.SIGTERM, on_signal)
    told_when_parent_dies(signal.SIGTERM)
    child = subprocess.Popen(command, preexec_fn=die_with_parent)  # noqa: S603  as it is declared
    threading.Thread(target=watch, args=(worker,), daemon=True).start()
    child.wait()
    end_all()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
