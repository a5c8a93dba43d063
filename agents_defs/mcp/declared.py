"""An MCP server as it is declared: how it is reached, which of its tools there are, and who uses it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlsplit

from agents.mcp import MCPServer

from agents_defs.tool_effects import ToolEffect

NAME = re.compile(r"[a-zA-Z0-9_-]{1,40}")
REFERENCE = re.compile(r"(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)")
EFFECTS = ("idempotent", "at_least_once", "at_most_once")


@dataclass(frozen=True, slots=True)
class McpServer:
    """One server. It is a program that the worker starts (`command`), or answers at a `url`."""

    name: str
    command: str | None = None
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)  # references: env:NAME or file:PATH, never values
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)  # references, too
    timeout_s: float | None = None  # of one call; None: the agent's tool_timeout_s
    connect_timeout_s: float = 15.0
    tools: tuple[str, ...] | None = None  # None: all that it offers
    approval: bool | tuple[str, ...] = False  # which of them wait for a person
    effect: ToolEffect = "at_least_once"
    effects: Mapping[str, ToolEffect] = field(default_factory=dict)  # of single tools, by name
    agents: tuple[str, ...] = ()  # `support`, `support/billing`: who has its tools without asking for them

    def effect_of(self, tool: str) -> ToolEffect:
        return self.effects.get(tool, self.effect)


def problems_of(server: McpServer) -> Iterator[str]:
    """Each in one clause that says what to write."""
    if not NAME.fullmatch(server.name):
        yield f"name={server.name!r}: letters, digits, _ and - only, at most 40"
    yield from _of_place(server)
    for kind, values in (("env", server.env), ("headers", server.headers)):
        for name, value in values.items():
            if not REFERENCE.fullmatch(value):  # the value is not told: it may be the secret itself
                yield f"{kind}.{name}: write env:NAME or file:PATH, never the value itself"
    for name, number in (("timeout_s", server.timeout_s), ("connect_timeout_s", server.connect_timeout_s)):
        if number is not None and not number > 0:
            yield f"{name}={number!r}: write seconds, more than 0"
    yield from _of_tools(server)


def _of_place(server: McpServer) -> Iterator[str]:
    if (server.command is None) == (server.url is None):
        yield "write either a command or a url"
    elif server.url is None:
        if server.headers:
            yield "headers belong to a url"
    else:
        yield from _of_url(server.url)
        if server.args or server.env:
            yield "args and env belong to a command"


def _of_url(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        yield "url: write http:// or https:// and a host"
    if parts.username or parts.password or parts.query:
        yield "url: without user, password and query; write what is secret as a reference in headers"


def _of_tools(server: McpServer) -> Iterator[str]:
    """A name that is in none of its tools would guard nothing."""
    for effect in (server.effect, *server.effects.values()):
        if effect not in EFFECTS:
            yield f"effect {effect!r}: write one of {', '.join(EFFECTS)}"
    if server.tools is None:
        return
    approved = server.approval if isinstance(server.approval, tuple) else ()
    for name in (*approved, *server.effects):
        if name not in server.tools:
            yield f"{name!r} is not among its tools"


class WantedServer(MCPServer):
    """What an author puts into `Agent(mcp_servers=[...])`. The worker's own connection takes its place."""

    def __init__(self, wanted: McpServer | str) -> None:
        super().__init__()
        self.wanted = wanted

    @property
    def name(self) -> str:
        return self.wanted if isinstance(self.wanted, str) else self.wanted.name

    def _nowhere(self) -> NoReturn:
        raise RuntimeError(f"the MCP server {self.name!r} is reached only in runs of Penstock")

    async def connect(self) -> None:
        self._nowhere()

    async def cleanup(self) -> None:
        """Nothing was opened."""

    async def list_tools(self, run_context: Any = None, agent: Any = None) -> Any:
        self._nowhere()

    async def call_tool(self, tool_name: str, arguments: Any, meta: Any = None) -> Any:
        self._nowhere()

    async def list_prompts(self) -> Any:
        self._nowhere()

    async def get_prompt(self, name: str, arguments: Any = None) -> Any:
        self._nowhere()


def mcp_server(wanted: McpServer | str) -> WantedServer:
    """For `Agent(mcp_servers=[...])`: a server that the deployment names, or one that the author declares."""
    return WantedServer(wanted)
