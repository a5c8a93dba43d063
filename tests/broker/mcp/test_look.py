"""A look at an MCP server: what it offers, why it is away, within its time, and no program is left."""

from __future__ import annotations

import asyncio
import sys

import pytest

from agents_defs.mcp.declared import McpServer
from agents_defs.mcp.look import Seen, look_at
from tests.broker.mcp.test_connections import is_alive
from tests.doubles.mcp_servers import Programs, until

LONG_S = 20.0


def found(reference: str) -> str:
    raise LookupError(f"the variable {reference.removeprefix('env:')} is not set")


async def test_a_server_that_answers_tells_its_tools_and_ends(programs: Programs) -> None:
    server = programs.server(tools=("add", "sing"), approval=("add", "sing"), effects={"add": "idempotent"})

    seen = await look_at(server, found, LONG_S)

    assert seen == Seen("notes", tools=("add",), missing=("sing",))
    (pid,) = programs.pids()
    await until(lambda: not is_alive(pid))


@pytest.mark.parametrize(
    ("server", "why"),
    [
        (McpServer("s", command="/nonexistent/program"), "there is no program /nonexistent/program"),
        (McpServer("s", command=sys.executable, env={"T": "env:TOKEN"}), "the variable TOKEN is not set"),
        (McpServer("s", command=sys.executable, args=("-c", "")), "it ended, or closed the connection"),
    ],
)
async def test_a_server_that_is_away_is_told_with_the_reason(server: McpServer, why: str) -> None:
    assert await look_at(server, found, LONG_S) == Seen("s", trouble=why)


async def test_a_server_that_never_answers_is_waited_for_no_longer_than_asked() -> None:
    silent = McpServer("s", command=sys.executable, args=("-c", "input(); input(); input()"))

    async with asyncio.timeout(10):
        seen = await look_at(silent, found, within_s=0.5)

    assert seen == Seen("s", trouble="it did not answer in time")
