"""Looks at the MCP servers of PENSTOCK_MCP_FILE: which answer, and whether they offer what is declared."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

from agents_defs.mcp.connections import McpServers
from agents_defs.mcp.look import Seen, look_at
from agents_defs.registry import BadRegistration, default_registry
from app.doctor.finding import Finding, fail, ok, warn
from app.mcp_file import McpFile

CHECK = "mcp"
PATIENCE_S = 20.0
ADVICE = (
    "see its url or command in PENSTOCK_MCP_FILE, what its references lead to, and its own log; "
    "a worker starts without it, and calls of its tools fail"
)


async def examine(file: McpFile, patterns: bool = False, folder: Path | None = None) -> list[Finding]:
    """Nothing where none is declared."""
    if not file.servers:
        return []
    looks = (look_at(server, file.resolve, PATIENCE_S) for server in file.servers)
    return [*_agents(file, patterns, folder), *judge(await asyncio.gather(*looks))]


def judge(seen: Sequence[Seen]) -> list[Finding]:
    """Servers that are well share a line."""
    found = [fail(CHECK, f"{one.server}: {one.trouble}", ADVICE) for one in seen if one.trouble is not None]
    for one in seen:
        if one.missing:
            advice = "correct its `tools`, `approval` and `effects`: nobody gets or guards these"
            found.append(warn(CHECK, f"{one.server} offers no {', '.join(one.missing)}", advice))
    well = [one for one in seen if one.trouble is None]
    if well:
        found.append(ok(CHECK, ", ".join(f"{one.server} ({_count(len(one.tools))})" for one in well)))
    return found


def _agents(file: McpFile, patterns: bool, folder: Path | None) -> list[Finding]:
    try:
        known = [spec.name for spec in default_registry(patterns, folder).specs()]
    except BadRegistration:
        return []  # another check tells that
    return strangers(file, known)


def strangers(file: McpFile, known: Iterable[str]) -> list[Finding]:
    """Agents that the file names and that are not there: a worker would not start."""
    servers = McpServers()
    servers.add(file.servers, file.resolve)
    unknown = servers.unknown_agents(known)
    if not unknown:
        return []
    advice = "correct `agents` in PENSTOCK_MCP_FILE: a worker does not start with it"
    return [fail(CHECK, f"no agent is called {', '.join(unknown)}", advice)]


def _count(tools: int) -> str:
    return "1 tool" if tools == 1 else f"{tools} tools"
