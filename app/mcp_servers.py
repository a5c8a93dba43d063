"""The MCP servers of one worker: given to its runner, told in its log, its metrics and /readyz."""

from typing import Final

import structlog
from prometheus_client import CollectorRegistry

from agents_defs.mcp.connections import McpServers
from agents_defs.registry import Registry
from app.adapters.health import Check, Checks
from app.adapters.prometheus_mcp import watch_mcp
from app.mcp_file import McpFile
from app.startup import CannotStart


class WorkerServers:
    """A worker starts, and is ready, without them: what is away is told, and tried again."""

    def __init__(self, servers: McpServers, file: McpFile, agents: Registry) -> None:
        self._servers: Final = servers
        self._log = structlog.get_logger("penstock.mcp")
        servers.add(file.servers, file.resolve, self._tell)
        if unknown := servers.unknown_agents(spec.name for spec in agents.specs()):
            raise CannotStart(f"PENSTOCK_MCP_FILE: no agent is called {', '.join(unknown)}")

    def watched(self, registry: CollectorRegistry) -> Checks:
        """What /readyz asks; it never says that the worker is not ready."""
        watch_mcp(registry, self._servers)
        return {"mcp servers": self._check}

    def start(self) -> None:
        """Nobody waits for them."""
        self._servers.start()

    async def close(self) -> None:
        """Their programs end now."""
        await self._servers.close()

    def _check(self) -> Check:
        troubles = self._servers.troubles
        away = [name for name, trouble in troubles.items() if trouble is not None]
        if not troubles:
            return Check(True, "none")
        told = f"{len(troubles) - len(away)} of {len(troubles)} connected"
        return Check(True, f"{told}; away: {', '.join(sorted(away))}" if away else told)

    def _tell(self, server: str, why: str | None) -> None:
        if why is None:
            self._log.info("MCP server connected", server=server)
        elif why == "closed":
            self._log.info("MCP server left", server=server)
        else:
            self._log.warning("MCP server away", server=server, why=why)
