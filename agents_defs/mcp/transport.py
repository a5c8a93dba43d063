"""Opens the SDK's client of one MCP server: a program under a tether, or an address."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agents.mcp import MCPServerStdio, MCPServerStreamableHttp

from agents_defs.mcp import tether

if TYPE_CHECKING:
    from agents_defs.mcp.declared import McpServer

Client = MCPServerStdio | MCPServerStreamableHttp
Resolve = Callable[[str], str]
"""What a reference stands for. Raises LookupError, whose text names the reference and no secret."""
LONGEST_S = 3600.0  # how long a call may take is the tool's own limit


def unresolved(reference: str) -> str:
    """Where nothing can be looked up."""
    raise LookupError(f"{reference} cannot be looked up here")


def client_of(server: McpServer, resolve: Resolve) -> Client:
    """Not connected yet. References are looked up now, so that a secret that was changed counts."""
    if server.command is not None:
        if shutil.which(server.command) is None:
            raise LookupError(f"there is no program {server.command}")
        env = {name: resolve(reference) for name, reference in server.env.items()}
        command, *args = _tethered([server.command, *server.args])
        return MCPServerStdio(
            {"command": command, "args": args, "env": env},
            name=server.name,
            client_session_timeout_seconds=None,
        )
    headers = {name: resolve(reference) for name, reference in server.headers.items()}
    return MCPServerStreamableHttp(
        {
            "url": server.url or "",
            "headers": headers,
            "timeout": LONGEST_S,
            "sse_read_timeout": LONGEST_S,
        },
        name=server.name,
        client_session_timeout_seconds=None,
    )


def _tethered(command: list[str]) -> list[str]:
    """The server ends with the worker, however the worker ends."""
    if sys.platform == "win32":
        return command
    return [sys.executable, "-S", "-E", str(Path(tether.__file__)), str(os.getpid()), *command]
