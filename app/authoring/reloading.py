"""Starts workers anew when the files of agents change, once it is known that they can be loaded."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from app.authoring.watching import Snapshot, changed

EVERY_S = 0.5
NAMED = 5  # files in a log line


class Reloading:
    """Looks, tries, restarts. What cannot be loaded leaves the old agents in force."""

    def __init__(
        self,
        look: Callable[[], Snapshot],
        problem: Callable[[], Awaitable[str | None]],
        restart: Callable[[], Awaitable[None]],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._look: Final = look
        self._problem: Final = problem
        self._restart: Final = restart
        self._sleep: Final = sleep
        self._seen = look()
        self._log = structlog.get_logger("penstock.reload")

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._sleep(EVERY_S)
            now = await asyncio.to_thread(self._look)
            if now != self._seen:
                await self._settled(now)

    async def _settled(self, now: Snapshot) -> None:
        """Editors and git write several files: only what has come to rest is tried."""
        while True:
            await self._sleep(EVERY_S)
            later = await asyncio.to_thread(self._look)
            if later == now:
                break
            now = later
        files = [path.name for path in changed(self._seen, now)]
        self._seen = now
        problem = await self._problem()
        if problem is not None:
            self._log.error("changed agents cannot be loaded; the old ones stay in force", problem=problem)
            return
        self._log.info("agents changed; workers finish what they run and start anew", files=files[:NAMED])
        await self._restart()


async def problem_of_definitions() -> str | None:
    """Why the agents cannot be loaded as they are now. In a process of its own: nothing of it stays."""
    trial = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app",
        "agents",
        "build",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await trial.communicate()
    if trial.returncode == 0:
        return None
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"it ended with {trial.returncode}"
