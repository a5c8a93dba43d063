"""Real MCP servers for tests, programs under their tethers, and runners that know them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents import Agent, Model
from agents.testing import assistant_message, function_call
from mcp.types import TextContent

from agents_defs.mcp.connection import McpConnection, Pace
from agents_defs.mcp.connections import McpServers
from agents_defs.mcp.declared import McpServer, mcp_server
from agents_defs.model_access import FixedAccess
from agents_defs.registry import Registry
from agents_defs.run_order import RunResult
from agents_defs.runner import AgentRunner
from tests.doubles import mcp_program
from tests.doubles.history_model import HistoryModel, results
from tests.doubles.recorded_runs import Recorder, one_try, order_for, spec_of

QUICK = Pace(look_s=30.0, first_wait_s=0.02, longest_wait_s=0.1, patience_s=8.0)


@dataclass
class Programs:
    """Declares servers that write what they are asked, and opens the connections to them."""

    folder: Path
    told: list[tuple[str, str | None]] = field(default_factory=list)
    opened: list[McpServers] = field(default_factory=list)

    def server(self, *words: str, **changes: Any) -> McpServer:
        args = (str(Path(mcp_program.__file__)), str(self.notes), *words)
        return McpServer(**{"name": "notes", "command": sys.executable, "args": args, **changes})

    @property
    def notes(self) -> Path:
        return self.folder / "notes"

    def noted(self) -> list[str]:
        """What it was asked, without when it was started."""
        return [line for line in self._lines() if not line.startswith("started")]

    def pids(self) -> list[int]:
        return [int(line.split()[1]) for line in self._lines() if line.startswith("started")]

    def _lines(self) -> list[str]:
        return self.notes.read_text().splitlines() if self.notes.exists() else []

    def open(self, *declared: McpServer, pace: Pace = QUICK, resolve: Any = None) -> McpServers:
        servers = McpServers(pace)
        self.attend(servers, *declared, resolve=resolve)
        servers.start()
        return servers

    def attend(self, servers: McpServers, *declared: McpServer, resolve: Any = None) -> None:
        servers.add(declared, resolve or (lambda reference: f"<{reference}>"), self._note)
        self.opened.append(servers)

    def _note(self, server: str, why: str | None) -> None:
        self.told.append((server, why))

    def runner(self, model: Model, *declared: McpServer, pace: Pace = QUICK) -> AgentRunner:
        runner = AgentRunner(Registry(), FixedAccess(model), recovery=one_try())
        runner.servers._pace = pace
        self.attend(runner.servers, *declared)
        runner.servers.start()
        return runner


def connection(servers: McpServers, name: str = "notes") -> McpConnection:
    return servers._connections[name]


async def until(true: Callable[[], bool], within_s: float = 15.0) -> None:
    """Waits for what another process does."""
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(0.02)


def clerk(**changes: Any) -> Agent[Any]:
    return Agent(name="clerk", instructions="Answer.", mcp_servers=[mcp_server("notes")], **changes)


async def run(runner: AgentRunner, build: Any = clerk, **changes: Any) -> tuple[RunResult, Recorder]:
    spec_changes = {name: changes.pop(name) for name in ("tool_timeout_s",) if name in changes}
    recorder = Recorder()
    order = order_for(spec_of(build, **spec_changes), **changes)
    return await runner.run(order, recorder), recorder


def calling(tool: str, **arguments: Any) -> HistoryModel:
    """Calls the tool once and answers with what it is told."""

    def script(_instructions: str | None, asked: list[Any]) -> list[Any]:
        had = results(asked)
        if had:
            return [assistant_message(str(had))]
        return [function_call(tool, arguments, call_id="c1")]

    return HistoryModel(script)


async def added(one: McpConnection, a: int, b: int) -> str:
    """What the server says the sum is."""
    result = await one.call_tool("add", {"a": a, "b": b})
    return "".join(part.text for part in result.content if isinstance(part, TextContent))
