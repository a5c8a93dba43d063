"""Brings up worker processes quickly: one process has imported everything, each worker is a fork of it."""

import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
WORKER = "tests.broker.worker_process"  # the module whose `run` is a worker's life


class Nursery:
    """Starts workers; ends with all of them."""

    def __init__(self, program: str = WORKER) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.broker.nursery", program],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches us alone; it ends when we do
        )

    def bear(self, mutants: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
        """A new worker's process id. It writes to `log`, and its exit code beside it if it ends by itself."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        log.touch()
        order = {"mutants": list(mutants), "environment": dict(environment), "log": str(log)}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it, and whoever still runs."""
        self._process.communicate()


def exit_code_path(log: Path) -> Path:
    """Where a worker that ended by itself leaves its exit code."""
    return log.with_suffix(".exit")


def serve(program: str) -> None:
    """Fork a worker for each line, until there are no more."""
    run = importlib.import_module(program).run
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them: they leave no zombies
    children = []
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            live(order, run)
        children.append(pid)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
    for pid in children:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def live(order: Mapping[str, Any], run: Any) -> None:
    """A worker's life, from the fork on."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.environ.update(order["environment"])
    code = 1
    try:
        code = run(order["mutants"])
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001  it must not get back into the loop of its parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        exit_code_path(Path(order["log"])).write_text(str(code))
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
