"""All MCP servers of one worker: which there are, which agents use them, opened and closed together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from agents_defs.flow import Flow
from agents_defs.mcp.connection import McpConnection, Pace, Tell
from agents_defs.mcp.declared import McpServer, WantedServer, mcp_server, problems_of
from agents_defs.mcp.offer import Shelf
from agents_defs.mcp.transport import Resolve, unresolved
from agents_defs.spec_rules import BadRegistration

if TYPE_CHECKING:
    from agents import Agent

    from agents_defs.agent_spec import AgentSpec


def _untold(_server: str, _why: str | None) -> None:
    """Where nobody listens."""


class McpServers:
    """Those that the deployment declares, and those that authors of agents do."""

    def __init__(self, pace: Pace | None = None) -> None:
        self._resolve: Resolve = unresolved
        self._tell: Tell = _untold
        self._pace = pace or Pace()
        self._connections: dict[str, McpConnection] = {}
        self._shelves: dict[str, Shelf] = {}
        self._given: list[McpConnection] = []
        self._started = False

    def add(self, declared: Iterable[McpServer], resolve: Resolve = unresolved, tell: Tell = _untold) -> None:
        """What the deployment declares. `tell` is told whenever a server comes or goes, of authors' too."""
        self._resolve, self._tell = resolve, tell
        self._given += [self._declare(server) for server in declared]

    @property
    def troubles(self) -> Mapping[str, str | None]:
        """By server, why it is away; None: it is there."""
        return {name: one.trouble for name, one in self._connections.items()}

    def unknown_agents(self, names: Iterable[str]) -> list[str]:
        """Agents that a server is declared for and that are not registered."""
        known = set(names)
        wanted = {agent.partition("/")[0] for one in self._given for agent in one.declared.agents}
        return sorted(wanted - known)

    def give(self, agent: Agent[Any], spec: AgentSpec, *, first: bool) -> None:
        """The agent gets the servers that are declared for it. `first`: the spec's name alone means it."""
        names = {f"{spec.name}/{agent.name}"} | ({spec.name} if first else set())
        had = {one.name for one in agent.mcp_servers}
        for one in self._given:
            if one.name not in had and not names.isdisjoint(one.declared.agents):
                agent.mcp_servers = [*agent.mcp_servers, mcp_server(one.name)]

    def used_by(self, agent: Agent[Any]) -> list[Shelf]:
        """Raises BadRegistration for servers that nobody declared."""
        if agent.mcp_servers and isinstance(agent, Flow):
            raise BadRegistration(f"the flow {agent.name!r} asks no model: give MCP servers to its agents")
        wanted = [one for one in agent.mcp_servers if isinstance(one, WantedServer)]
        return [self._shelves[self._connection(agent, one).name] for one in wanted]

    def _connection(self, agent: Agent[Any], server: WantedServer) -> McpConnection:
        if isinstance(server.wanted, McpServer):
            return self._declare(server.wanted)
        if server.wanted not in self._connections:
            raise BadRegistration(
                f"{agent.name!r} uses the MCP server {server.wanted!r}, which is not in PENSTOCK_MCP_FILE"
            )
        return self._connections[server.wanted]

    def _declare(self, server: McpServer) -> McpConnection:
        known = self._connections.get(server.name)
        if known is not None:
            if known.declared != server:
                raise BadRegistration(f"two MCP servers are called {server.name!r}: rename one")
            return known
        if wrong := list(problems_of(server)):
            raise BadRegistration(f"the MCP server {server.name!r}: {'; '.join(wrong)}")
        made = McpConnection(server, self._resolve, self._tell, self._pace)
        self._connections[server.name], self._shelves[server.name] = made, Shelf(made)
        if self._started:
            made.begin()
        return made

    def start(self) -> None:
        """Connects to all of them, beside whatever else happens: nobody waits for them."""
        self._started = True
        for one in self._connections.values():
            one.begin()

    async def close(self) -> None:
        """Ends them all at once."""
        await asyncio.gather(*(one.cleanup() for one in self._connections.values()))
