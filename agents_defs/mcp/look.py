"""Opens one MCP server as a worker would, sees what it offers, and leaves it again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agents_defs.mcp.connection import McpConnection, Pace

if TYPE_CHECKING:
    from agents_defs.mcp.declared import McpServer
    from agents_defs.mcp.transport import Resolve


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of it."""

    server: str
    tools: tuple[str, ...] = ()  # that it offers, of those that it is declared with
    missing: tuple[str, ...] = ()  # that are declared and not offered
    trouble: str | None = None  # why it is away; None: it answered


async def look_at(server: McpServer, resolve: Resolve, within_s: float) -> Seen:
    """Raises nothing. What was started for it has ended when this returns."""
    told: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    def tell(_name: str, why: str | None) -> None:
        if not told.done():
            told.set_result(why)

    soon = replace(server, connect_timeout_s=min(server.connect_timeout_s, within_s))
    connection = McpConnection(soon, resolve, tell, Pace())
    connection.begin()
    try:
        trouble = await told  # each attempt has its time
        offered = tuple(tool.name for tool in connection.tools or ())
    finally:
        await connection.cleanup()
    if trouble is not None:
        return Seen(server.name, trouble=trouble)
    return Seen(server.name, offered, tuple(name for name in _declared(server) if name not in offered))


def _declared(server: McpServer) -> list[str]:
    approved = server.approval if isinstance(server.approval, tuple) else ()
    return list(dict.fromkeys((*(server.tools or ()), *approved, *server.effects)))
