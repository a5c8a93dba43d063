"""Builds the environment that calfkit runs in: its dependencies are not ours."""

import asyncio
import shutil
import sys
from pathlib import Path

from benchmarks.servers import CACHE
from benchmarks.worker_process import BenchFailed

PINNED = ("calfkit==0.13.0", "faststream[kafka]==0.7.1", "uvloop==0.23.0")
HOME = CACHE / "bench-calfkit"
PYTHON = HOME / "bin" / "python"
READY = HOME / ".ready"


async def build() -> str:
    """The environment's Python; builds it the first time. Raises BenchFailed."""
    wanted = "\n".join(PINNED)
    if not (PYTHON.exists() and READY.exists() and READY.read_text() == wanted):
        uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
        if uv is None:
            raise BenchFailed("uv is missing: calfkit's environment is built with it")
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        await _run(uv, "venv", "--quiet", "--clear", "--python", version, str(HOME))
        await _run(uv, "pip", "install", "--quiet", "--python", str(PYTHON), *PINNED)
        READY.write_text(wanted)
    return str(PYTHON)


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode:
        last = said.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise BenchFailed(f"calfkit's environment cannot be built: {last[0]}")
