"""The workers of one deployment as users run them: `penstock worker`, each a process that may be killed."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
import psutil

from benchmarks.servers import CACHE
from benchmarks.terms import Terms
from benchmarks.worker_process import ROOT, BenchFailed

NO_LIMIT = 1_000_000_000
# As where pip installed it, whatever this shell says: without it each start compiles every library anew.
COMPILED = {"PYTHONPYCACHEPREFIX": str(CACHE / "bytecode"), "PYTHONDONTWRITEBYTECODE": ""}
SETTLE_S = 90.0
END_S = 60.0
POLL_S = 0.05
LAST_WORDS_CHARS = 1500


class Colleague:
    """One of them."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process: Final = process
        self._log: Final = log

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    def cpu_s(self) -> float:
        """What it has used so far."""
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    def kill(self) -> None:
        """kill -9."""
        self._process.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.send_signal(signal.SIGTERM)

    async def ended(self) -> int:
        """Its exit code, when it has ended."""
        return await asyncio.wait_for(self._process.wait(), END_S)

    def said(self, event: str) -> bool:
        """Whether its log has such a line."""
        return any(line.get("event") == event for line in _json_lines(self._log))

    def open_partitions(self) -> frozenset[int]:
        """Those on which it works, by its own account."""
        return open_by(_json_lines(self._log))

    def require_running(self) -> None:
        """Raise when it has ended, with what it said last."""
        if not self.running:
            said = self._log.read_text(errors="replace")[-LAST_WORDS_CHARS:].splitlines()[-3:]
            raise BenchFailed(f"a process ended with {self._process.returncode}: {' | '.join(said)}")


@dataclass
class Staff:
    """All of them; none is left behind."""

    terms: Terms
    models_at: str
    folder: Path
    session_timeout_s: float
    workers: dict[str, Colleague] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)  # beside those that every bench has
    _started: int = 0
    _books: list[Colleague] = field(default_factory=list)

    async def start(self, worker_id: str) -> Colleague:
        """One under this name. It takes a few seconds until it works; nobody waits for that here."""
        self.workers[worker_id] = await self._run(worker_id, "worker", "--no-books")
        return self.workers[worker_id]

    async def start_books(self) -> Colleague:
        """The books of this deployment, beside its workers."""
        self._books.append(await self._run("books", "books"))
        return self._books[-1]

    async def _run(self, worker_id: str, *command: str) -> Colleague:
        self._started += 1
        log = self.folder / f"{self.terms.name}-{self._started}-{worker_id}.log"
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                # Tied to us by its input: also who is killed leaves nobody behind.
                *(sys.executable, "-m", "app", *command, "--tethered"),
                stdin=asyncio.subprocess.PIPE,
                stdout=out,
                stderr=out,
                cwd=ROOT,
                env=dict(os.environ, **self._environment(worker_id)),
            )
        return Colleague(process, log)

    def _environment(self, worker_id: str) -> Mapping[str, str]:
        return COMPILED | {
            "PENSTOCK_KAFKA_BOOTSTRAP": self.terms.bootstrap,
            "PENSTOCK_REDIS_URL": self.terms.redis_url,
            "PENSTOCK_TOPIC_PREFIX": f"{self.terms.name}.",
            "PENSTOCK_APP_ID": self.terms.name,
            "PENSTOCK_PARTITIONS": str(self.terms.partitions),
            "PENSTOCK_DELIVERY": self.terms.delivery,
            "PENSTOCK_SESSION_TIMEOUT_S": f"{self.session_timeout_s:g}",
            "PENSTOCK_WORKER_ID": worker_id,
            "PENSTOCK_HTTP_BIND": "127.0.0.1:0",
            "PENSTOCK_LOG_FORMAT": "json",
            "PENSTOCK_REQUESTS_PER_MINUTE": str(NO_LIMIT),
            "OPENAI_API_KEY": "any-key-will-do",
            "OPENAI_BASE_URL": self.models_at,
            **self.settings,
        }

    async def settled(self, least: int | None = None) -> None:
        """Wait until all partitions are worked on, and by each its share of them (or at least so many)."""
        began_s = time.perf_counter()
        share = self.terms.partitions // len(self.workers) if least is None else least
        while not self._shared_out(share):
            for worker in self.workers.values():
                worker.require_running()
            if time.perf_counter() - began_s > SETTLE_S:
                owned = {name: sorted(one.open_partitions()) for name, one in self.workers.items()}
                raise BenchFailed(f"the partitions are not shared out after {SETTLE_S:g} s: {owned}")
            await asyncio.sleep(POLL_S)

    def _shared_out(self, share: int) -> bool:
        owned = [worker.open_partitions() for worker in self.workers.values()]
        return all(len(one) >= share for one in owned) and sum(map(len, owned)) == self.terms.partitions

    async def end(self) -> None:
        """Kill whoever still runs."""
        for one in (*self.workers.values(), *self._books):
            if one.running:
                one.kill()
                await one.ended()


def open_by(lines: Iterable[Mapping[str, Any]]) -> frozenset[int]:
    """What a worker works on after these lines of its log."""
    opened: set[int] = set()
    for line in lines:
        if line.get("event") == "partitions assigned":
            opened = (opened & set(line["partitions"])) - set(line["gained"])
        elif line.get("event") == "a partition is open":
            opened.add(line["partition"])
    return frozenset(opened)


def _json_lines(log: Path) -> Sequence[Mapping[str, Any]]:
    # Its last line may be half written.
    return [orjson.loads(line) for line in log.read_bytes().splitlines(keepends=True) if _whole(line)]


def _whole(line: bytes) -> bool:
    return line.startswith(b"{") and line.endswith(b"}\n")
