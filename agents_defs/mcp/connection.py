"""One worker's connection to one MCP server: opened once, shared by all runs, opened anew when it is lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, NoReturn

from agents import UserError, default_tool_error_function
from agents.mcp import MCPServer
from mcp import MCPError
from mcp.types import CONNECTION_CLOSED, TextContent, Tool

from agents_defs.mcp.transport import Client, Resolve, client_of

if TYPE_CHECKING:
    from mcp.types import CallToolResult

    from agents_defs.mcp.declared import McpServer

Tell = Callable[[str, str | None], None]
"""The server's name, and why it is away; None: it is there."""
PATIENCE_S = 5.0  # how long a run waits for a server that is just being started anew
CLOSING_S = 10.0
_DICE = Random()  # noqa: S311  so that workers do not all come back at once


@dataclass(frozen=True, slots=True)
class Pace:
    """When a server is looked at, and when it is tried again."""

    look_s: float = 10.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    patience_s: float = PATIENCE_S


class McpTrouble(UserError):
    """A call that came to nothing; the text is what the model is told."""


class McpConnection(MCPServer):
    """What the SDK calls in place of a server of its own. `tools` are those of the last time it was there."""

    def __init__(self, declared: McpServer, resolve: Resolve, tell: Tell, pace: Pace) -> None:
        super().__init__(require_approval=_approval(declared), failure_error_function=_worded)
        self.declared = declared
        self.tools: tuple[Tool, ...] | None = None  # None: nobody knows them yet
        self.trouble: str | None = "not connected yet"  # None: it is there
        self._resolve, self._tell, self._pace = resolve, tell, pace
        self._client: Client | None = None
        self._there, self._doubted, self._closing = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self.declared.name

    def begin(self) -> None:
        """From now on it is kept; also by the first run that needs it. A run's scope is nothing to it."""
        if self._keeper is None:
            self._keeper = asyncio.get_running_loop().create_task(
                self._keep(), name=f"mcp {self.name}", context=Context()
            )

    async def connect(self) -> None:
        self.begin()

    async def cleanup(self) -> None:
        """Ends the server's program, if it is one of ours. Not opened again."""
        self._closing.set()
        if self._keeper is None:
            return
        done, _ = await asyncio.wait({self._keeper}, timeout=CLOSING_S)
        if not done:
            self._keeper.cancel()
            await asyncio.wait({self._keeper}, timeout=CLOSING_S)

    async def listed(self) -> tuple[Tool, ...] | None:
        """Its tools, as they are known; where they are not, a moment is waited for them."""
        self.begin()
        if self.tools is None:
            await self._waited()
        return self.tools

    async def list_tools(self, run_context: Any = None, agent: Any = None) -> list[Tool]:
        return list(await self.listed() or ())

    async def call_tool(self, tool_name: str, arguments: Any, meta: Any = None) -> CallToolResult:
        """Raises McpTrouble with what the model is told. Never sends a call twice."""
        self.begin()
        if not await self._waited() or self._client is None:
            raise McpTrouble(
                f"{tool_name} was not called: {self.name} cannot be reached now. "
                "Go on without it, or say that it is not available."
            )
        if self.tools is not None and all(tool.name != tool_name for tool in self.tools):
            raise McpTrouble(f"{tool_name} was not called: {self.name} has no such tool any more.")
        try:
            result = await self._client.call_tool(tool_name, arguments, meta)
        except MCPError as error:
            if error.code != CONNECTION_CLOSED:
                raise McpTrouble(f"{self.name} refused {tool_name}: {error.message}") from error
            self._broken(tool_name, error)
        except Exception as error:  # noqa: BLE001  of the transport, of whatever kind
            self._broken(tool_name, error)
        if result.is_error:
            raise McpTrouble(_text_of(result) or f"{tool_name} failed and did not say why.")
        return result

    def _broken(self, tool_name: str, error: Exception) -> NoReturn:
        self._there.clear()  # until it was looked at: the next call waits for that
        self._doubted.set()
        raise McpTrouble(
            f"The connection to {self.name} broke while {tool_name} was being called: "
            "nobody knows whether it was done."
        ) from error

    async def _waited(self) -> bool:
        """Whether it is there, after a moment's patience."""
        if self._there.is_set():
            return True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pace.patience_s):
                await self._there.wait()
        return self._there.is_set()

    async def _keep(self) -> None:
        """Connects, looks now and then whether it is there, and connects again, later each time."""
        failures = 0
        while not self._closing.is_set():
            client: Client | None = None
            try:
                client = client_of(self.declared, self._resolve)
                async with asyncio.timeout(self.declared.connect_timeout_s):
                    await client.connect()  # type: ignore[no-untyped-call]
                    await self._read_tools(client)
                failures = 0
                await self._while_there(client)
            except (Exception, asyncio.CancelledError) as error:  # of the transport, of whatever kind
                if _is_cancelled():
                    raise
                failures += 1
                self._away(_reason(error))
            finally:
                self._client = None
                self._there.clear()
                if client is not None:
                    await _closed(client)
            if failures:
                await self._paused(failures)
        self._away("closed")

    async def _while_there(self, client: Client) -> None:
        """Returns when the worker ends; raises when the server is lost."""
        self._doubted.clear()
        self._client, self.trouble = client, None
        self._tell(self.name, None)
        while True:
            self._there.set()
            await _first_of(self._pace.look_s, self._doubted, self._closing)
            if self._closing.is_set():
                return
            self._doubted.clear()
            async with asyncio.timeout(self.declared.connect_timeout_s):
                await self._read_tools(client)

    async def _read_tools(self, client: Client) -> None:
        named = self.declared.tools
        found = await client.list_tools()
        tools = tuple(tool for tool in found if named is None or tool.name in named)
        if tools != self.tools:  # else it stays the same object, by which others know that nothing changed
            self.tools = tools

    def _away(self, why: str) -> None:
        if self.trouble != why:
            self.trouble = why
            self._tell(self.name, why)

    async def _paused(self, failures: int) -> None:
        longest = self._pace.longest_wait_s
        wait = min(longest, self._pace.first_wait_s * 2 ** min(failures - 1, 16))
        await _first_of(wait * (0.75 + _DICE.random() / 2), self._closing)

    async def list_prompts(self) -> Any:
        raise NotImplementedError("prompts of MCP servers are not used")

    async def get_prompt(self, name: str, arguments: Any = None) -> Any:
        raise NotImplementedError("prompts of MCP servers are not used")


async def _first_of(within_s: float, *events: asyncio.Event) -> None:
    """Returns when one of them is set, or when the time is over."""
    tasks = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(tasks, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


async def _closed(client: Client) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(CLOSING_S):
            await client.cleanup()  # type: ignore[no-untyped-call]


def _is_cancelled() -> bool:
    """Whether somebody ended this very task, and not a scope that the transport opened in it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _reason(error: BaseException) -> str:
    """One line for the log: of the SDK's own errors the text, which holds no secrets; of others the kind."""
    if isinstance(error, BaseExceptionGroup):
        return _reason(error.exceptions[0])
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, MCPError) and error.code == CONNECTION_CLOSED:
        return "it ended, or closed the connection"
    if isinstance(error, UserError | MCPError | LookupError | OSError):
        return " ".join(str(error).split()) or type(error).__name__
    return type(error).__name__


def _text_of(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


def _worded(context: Any, error: Exception) -> str:
    """What the model is told of a call that failed."""
    return str(error) if isinstance(error, McpTrouble) else default_tool_error_function(context, error)


def _approval(declared: McpServer) -> Any:
    if isinstance(declared.approval, bool):
        return "always" if declared.approval else "never"
    return {"always": {"tool_names": list(declared.approval)}}
