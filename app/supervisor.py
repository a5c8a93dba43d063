"""Runs child processes: starts them, restarts what dies or is to be renewed, ends them all with itself."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 15.0
STEADY_S = 30.0  # who ran this long is not in a crash loop
GRACE_S = 10.0


@dataclass(frozen=True, slots=True)
class Program:
    """What one child runs: `penstock` with these arguments."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


class Supervisor:
    """Keeps programs running until it is stopped."""

    def __init__(self, programs: Sequence[Program], drain_s: float) -> None:
        self._programs: Final = programs
        self._drain_s: Final = drain_s
        self._log = structlog.get_logger("penstock.supervisor")
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._renewals = {program.name: asyncio.Event() for program in programs}

    def start(self) -> None:
        """Start all programs."""
        self._tasks = [asyncio.create_task(self._keep(program)) for program in self._programs]

    async def stop(self) -> None:
        """Ask all to end, wait for them, and kill what does not end in time."""
        self._stopping = True
        for child in self._children.values():
            if child.returncode is None:
                child.terminate()
        _, late = (
            await asyncio.wait(self._tasks, timeout=self._drain_s + GRACE_S) if self._tasks else ((), ())
        )
        for child in self._children.values():
            if child.returncode is None:
                child.kill()
        for task in late:
            task.cancel()

    async def renew(self, names: Collection[str]) -> None:
        """Ask these to end, as when all are stopped; each starts again as soon as it has ended."""
        for name in names:
            self._renewals[name].set()
        ending = [self._children[name] for name in names if name in self._children]
        await asyncio.gather(*(self._ended(child) for child in ending if child.returncode is None))

    async def _ended(self, child: asyncio.subprocess.Process) -> None:
        child.terminate()
        try:
            async with asyncio.timeout(self._drain_s + GRACE_S):
                await child.wait()
        except TimeoutError:
            child.kill()

    async def _keep(self, program: Program) -> None:
        backoff_s = FIRST_BACKOFF_S
        loop, renewal = asyncio.get_running_loop(), self._renewals[program.name]
        while not self._stopping:
            started = loop.time()
            renewal.clear()
            code = await self._run(program)
            if self._stopping:
                return
            if renewal.is_set():
                backoff_s = FIRST_BACKOFF_S
                continue
            if loop.time() - started > STEADY_S:
                backoff_s = FIRST_BACKOFF_S
            self._log.error("a process ended", name=program.name, code=code, again_in_s=backoff_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(renewal.wait(), backoff_s)
            backoff_s = min(backoff_s * 2, LONGEST_BACKOFF_S)

    async def _run(self, program: Program) -> int:
        # A pipe as its standard input: it ends when we are gone, however we went.
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "app",
            *program.arguments,
            "--tethered",
            stdin=asyncio.subprocess.PIPE,
            env=dict(os.environ, **program.environment),  # noqa: TID251  handed on whole
        )
        self._children[program.name] = child
        return await child.wait()
