"""One worker process under measurement: started, asked for its CPU time and memory, stopped."""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
from aiokafka.errors import KafkaError

from benchmarks.terms import Terms

ROOT = Path(__file__).parents[1]
GRACE_S = 45.0
LAST_WORDS_CHARS = 1500


class BenchFailed(Exception):
    """A figure cannot be taken; the message says why, in one line."""


# What may happen to one measurement without ending the others.
FAILURES = (BenchFailed, KafkaError, OSError, TimeoutError, psutil.Error)


@dataclass(frozen=True, slots=True)
class Moment:
    """How much had been done, and used, at one moment."""

    runs: int
    cpu_s: float
    at_s: float


class WorkerProcess:
    """A contestant's process."""

    def __init__(self, process: asyncio.subprocess.Process, events: asyncio.StreamReader, log: Path) -> None:
        self._process: Final = process
        self._events: Final = events
        self._log: Final = log
        self._psutil: Final = psutil.Process(process.pid)

    def moment(self, runs: int) -> Moment:
        """Now. The CPU time is that of all its threads, ended ones too."""
        times = self._psutil.cpu_times()
        return Moment(runs, times.user + times.system, time.perf_counter())

    def rss_mib(self) -> float:
        """Its resident memory."""
        rss: int = self._psutil.memory_info().rss
        return rss / 2**20

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def require_running(self) -> None:
        """Raise when it has ended, with what it said last."""
        if self._process.returncode is not None:
            raise BenchFailed(f"the worker ended with {self._process.returncode}: {self._last_words()}")

    async def told(self, event: str, within_s: float) -> dict[str, Any]:
        """Wait for a line that names this event."""
        try:
            async with asyncio.timeout(within_s):
                async for line in self._events:
                    said: dict[str, Any] = json.loads(line)
                    if said.get("event") == event:
                        return said
                await self._process.wait()
        except TimeoutError:
            raise BenchFailed(f"the worker did not say {event!r} within {within_s:g} s") from None
        raise BenchFailed(f"the worker ended before it said {event!r}: {self._last_words()}")

    async def stop(self) -> None:
        """Ask it to end, and kill it when it does not."""
        if self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), GRACE_S)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace")[-LAST_WORDS_CHARS:].splitlines()
        return " | ".join(line.strip() for line in lines[-4:] if line.strip()) or "it wrote nothing"


@asynccontextmanager
async def running(
    module: str, terms: Terms, python: str = sys.executable, path: Path = ROOT
) -> AsyncIterator[WorkerProcess]:
    """A contestant's process for the length of an `async with` block."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-worker-") as folder:
        log = Path(folder) / "output.log"
        reading, writing = os.pipe()
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                python,
                "-m",
                module,
                terms.to_json(),
                str(writing),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=path,
                pass_fds=(writing,),
            )
        os.close(writing)
        events, closing = await _reader(reading)
        worker = WorkerProcess(process, events, log)
        try:
            yield worker
        finally:
            await worker.stop()
            closing.close()


async def _reader(descriptor: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    return reader, transport
