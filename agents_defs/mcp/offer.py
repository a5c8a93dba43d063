"""What an agent's MCP servers offer in one run: the same tools in all its turns and all its attempts.

A model is told of its tools, and a replay must ask it the same. Which tools there are only the server knows:
so the list is recorded when the run first needs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from agents import Handoff, handoff
from agents.mcp import MCPUtil
from mcp.types import Tool as McpTool

from agents_defs.journal_entries import dumps, loads
from agents_defs.run_scope import SCOPE
from agents_defs.tool_effects import ToolEffect, at_least_once, at_most_once, idempotent

if TYPE_CHECKING:
    from collections.abc import Callable

    from agents import Agent, FunctionTool, Tool

    from agents_defs.mcp.connection import McpConnection
    from agents_defs.scoped_tool import ScopedTools

OFFER = "o:"
NOTHING_KNOWN = b"null"
MAX_LISTS = 8
MAX_NAME = 64
_DECLARE: dict[ToolEffect, Callable[[FunctionTool], FunctionTool]] = {
    "idempotent": idempotent,
    "at_least_once": at_least_once,
    "at_most_once": at_most_once,
}
_REFUSED = re.compile(r"[^a-zA-Z0-9_-]")


class Shelf:
    """The function tools of one server, made once for each list of them."""

    def __init__(self, connection: McpConnection) -> None:
        self._connection = connection
        self._made: dict[tuple[bytes, bool], dict[str, FunctionTool]] = {}

    @property
    def server(self) -> str:
        return self._connection.name

    @property
    def known(self) -> tuple[McpTool, ...] | None:
        """What it offered when it was last looked at; the same object as long as that does not change."""
        return self._connection.tools

    async def listed(self) -> bytes:
        """What it offers now, as it is recorded."""
        return self.recorded(await self._connection.listed())

    def recorded(self, tools: tuple[McpTool, ...] | None) -> bytes:
        """As it is recorded."""
        if tools is None:
            return NOTHING_KNOWN
        kept = {"name", "title", "description", "input_schema", "annotations"}
        return dumps([tool.model_dump(mode="json", include=kept, exclude_none=True) for tool in tools])

    def tools(self, raw: bytes, *, prefixed: bool = False) -> dict[str, FunctionTool]:
        """By the server's own names for them. `prefixed`: a model knows them by the server's name, too."""
        key = (sha256(raw).digest(), prefixed)
        if key not in self._made:
            if len(self._made) >= MAX_LISTS:
                self._made.clear()
            told = loads(raw)
            tools = self._stand_ins() if told is None else [McpTool.model_validate(one) for one in told]
            prefix = f"{self.server}_" if prefixed else ""
            self._made[key] = {tool.name: _tool(tool, prefix, self._connection) for tool in tools}
        return self._made[key]

    def _stand_ins(self) -> list[McpTool]:
        """Where nobody has ever seen its tools: calling one of these tells the model so."""
        names = self._connection.declared.tools or (self.server,)
        told = f"Of {self.server}, which could not be reached when this began."
        return [McpTool(name=name, description=told, input_schema={"type": "object"}) for name in names]


class OfServers(Protocol):
    """What a plan says of servers."""

    def allows_server(self, server: str) -> bool:
        """Whether any tool of it may be used."""
        ...

    def allows_of_server(self, server: str, tool: str) -> bool:
        """Whether this one may."""
        ...


class Offer:
    """Stands in for the agent's own `get_mcp_tools`: the tools as the run's own function tools."""

    def __init__(
        self,
        agent: Agent[Any],
        shelves: Iterable[Shelf],
        allowed: OfServers,
        tools: ScopedTools,
        timeout_s: float,
    ) -> None:
        self._agent = agent
        self._shelves = tuple(shelves)
        self._allowed = allowed
        self._scoped = tools
        self._timeout_s = timeout_s

    async def __call__(self, _context: Any) -> list[Tool]:
        return self._offered([await _list_of_run(shelf) for shelf in self._shelves])

    @property
    def known(self) -> tuple[tuple[McpTool, ...] | None, ...]:
        """What each server offered when it was last looked at."""
        return tuple(shelf.known for shelf in self._shelves)

    def expected(self) -> list[Tool]:
        """What a run that begins now is offered, as far as anybody knows."""
        return self._offered([shelf.recorded(shelf.known) for shelf in self._shelves])

    def _offered(self, lists: Iterable[bytes]) -> list[Tool]:
        found: list[Tool] = []
        taken = _names(self._agent)
        for shelf, raw in zip(self._shelves, lists, strict=True):
            for own_name, tool in shelf.tools(raw).items():
                if not self._allowed.allows_of_server(shelf.server, own_name):
                    continue
                if tool.name in taken:  # it is the agent's own, or another server's
                    tool = shelf.tools(raw, prefixed=True)[own_name]
                taken.add(tool.name)
                found.append(self._scoped.scoped(tool, self._timeout_s))
        return found


def offer_tools(
    agent: Agent[Any], shelves: Iterable[Shelf], allowed: OfServers, tools: ScopedTools, timeout_s: float
) -> None:
    """The agent has the servers' tools from now on. The SDK knows nothing of the servers."""
    kept = [shelf for shelf in shelves if allowed.allows_server(shelf.server)]
    agent.mcp_servers = []
    if kept:
        offer = Offer(agent, kept, allowed, tools, timeout_s)
        agent.get_mcp_tools = offer  # type: ignore[assignment,method-assign]  # its own would call them unseen


def offer_of(agent: Agent[Any]) -> Offer | None:
    """What the agent's servers offer it; None: it has none."""
    found = vars(agent).get("get_mcp_tools")
    return found if isinstance(found, Offer) else None


async def _list_of_run(shelf: Shelf) -> bytes:
    scope = SCOPE.get()
    if scope is None:  # outside of any run: somebody tries an agent out
        return await shelf.listed()
    run, entry = scope.run, f"{OFFER}{shelf.server}"
    known = run.offered.get(entry) or run.record.read(entry)
    if known is None:
        listed = await shelf.listed()
        known = run.offered.get(entry)  # another part of the run may have been faster
        if known is None:
            run.record.soon({entry: listed})
            known = listed
    run.offered[entry] = known
    return known


def _tool(told: McpTool, prefix: str, connection: McpConnection) -> FunctionTool:
    name = _REFUSED.sub("_", prefix + told.name)[:MAX_NAME]
    tool = MCPUtil.to_function_tool(
        told, connection, convert_schemas_to_strict=False, tool_name_override=name
    )
    tool.timeout_seconds = connection.declared.timeout_s
    return _DECLARE[connection.declared.effect_of(told.name)](tool)


def _names(agent: Agent[Any]) -> set[str]:
    onward = (one if isinstance(one, Handoff) else handoff(one) for one in agent.handoffs)
    return {tool.name for tool in agent.tools} | {one.tool_name for one in onward}
