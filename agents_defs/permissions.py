"""What of its tools an agent may use, by the plan of the tenant who asks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agents import HostedMCPTool

from agents_defs.tool_kinds import acts_on_worker, label_of

if TYPE_CHECKING:
    from agents import Agent, Tool

WHOLE = "*"


@dataclass(frozen=True, slots=True)
class Allowed:
    """What of its tools an agent may use. None: all but those that work on the worker's machine."""

    tools: frozenset[str] | None = None
    mcp_servers: frozenset[str] | None = None

    @classmethod
    def by(cls, tools: Collection[str] | None, mcp_servers: Collection[str] | None) -> Allowed:
        """By the two lists of a plan."""
        if tools is None and mcp_servers is None:
            return EVERYTHING
        return cls(
            None if tools is None else frozenset(tools),
            None if mcp_servers is None else frozenset(mcp_servers),
        )

    def left_of(self, agent: Agent[Any]) -> None:
        """The agent keeps what is allowed. Its models are never told of the rest."""
        kept = [tool for tool in agent.tools if self.allows(tool)]
        if len(kept) != len(agent.tools):
            agent.tools = kept
        agent.mcp_servers = [one for one in agent.mcp_servers if self.allows_server(one.name)]

    def allows(self, tool: Tool) -> bool:
        """Whether this tool stays. What works on the machine stays only where a plan names it."""
        if acts_on_worker(tool):
            return self.tools is not None and tool.name in self.tools
        if isinstance(tool, HostedMCPTool):
            label = label_of(tool)
            named = self.tools is None or not self.tools.isdisjoint({tool.name, f"{label}/{WHOLE}"})
            return named and self.allows_server(label)
        return self.tools is None or tool.name in self.tools

    def allows_server(self, server: str) -> bool:
        """Whether any tool of this MCP server may be used."""
        return self.mcp_servers is None or server in self.mcp_servers

    def allows_of_server(self, server: str, tool: str) -> bool:
        """Whether this tool of an MCP server stays: a list of tools names `server/tool` or `server/*`."""
        if not self.allows_server(server):
            return False
        return self.tools is None or not self.tools.isdisjoint({f"{server}/{tool}", f"{server}/{WHOLE}"})


EVERYTHING = Allowed()
