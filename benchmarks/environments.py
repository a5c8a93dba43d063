"""Builds the environments of contestants whose dependencies are not ours."""

import asyncio
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.servers import CACHE
from benchmarks.worker_process import BenchFailed

UVLOOP = "uvloop==0.23.0"


@dataclass(frozen=True, slots=True)
class Environment:
    """A folder with a Python that has just these packages."""

    name: str
    pinned: tuple[str, ...]
    cache: Path = CACHE

    @property
    def python(self) -> Path:
        """What to run a contestant with."""
        return self._home / "bin" / "python"

    @property
    def _home(self) -> Path:
        return self.cache / f"bench-{self.name}"

    @property
    def _mark(self) -> Path:
        return self._home / ".ready"

    def ready(self) -> bool:
        """Whether it was built to the end, with what is pinned now."""
        return self.python.exists() and self._mark.exists() and self._mark.read_text() == self._wanted()

    def _wanted(self) -> str:
        return "\n".join(self.pinned)

    async def build(self) -> str:
        """The environment's Python; builds it the first time. Raises BenchFailed."""
        if not self.ready():
            uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
            if uv is None:
                raise BenchFailed(f"uv is missing: {self.name}'s environment is built with it")
            ours = f"{sys.version_info.major}.{sys.version_info.minor}"
            await self._run(uv, "venv", "--quiet", "--clear", "--python", ours, str(self._home))
            await self._run(uv, "pip", "install", "--quiet", "--python", str(self.python), *self.pinned)
            self._mark.write_text(self._wanted())
        return str(self.python)

    async def _run(self, *command: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate()
        if process.returncode:
            last = said.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise BenchFailed(f"{self.name}'s environment cannot be built: {last[0]}")


CALFKIT = Environment("calfkit", ("calfkit==0.13.0", "faststream[kafka]==0.7.1", UVLOOP))
DBOS = Environment(
    "dbos",
    (
        "dbos==3.4.0",
        "dbos-openai-agents==0.3.0",
        f"openai-agents=={version('openai-agents')}",  # the one that we run on, too
        f"psutil=={version('psutil')}",
        UVLOOP,
    ),
)
