"""What a first call may use counts the tools of MCP servers as they are known; computed once a list."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent
from agents.testing import ModelStep, ScriptedModel, assistant_message
from mcp.types import Tool

from agents_defs import graph_pool
from agents_defs.agent_graph import characters_told
from agents_defs.mcp.connection import McpConnection
from agents_defs.mcp.declared import McpServer, mcp_server
from agents_defs.model_access import FixedAccess
from agents_defs.registry import Registry
from agents_defs.run_order import ToolLists
from agents_defs.runner import AgentRunner
from tests.doubles.recorded_runs import Recorder, order_for, spec_of


def tool(name: str, words: int) -> Tool:
    schema = {"type": "object", "properties": {"text": {"type": "string", "description": "word " * words}}}
    return Tool(name=name, description=f"What {name} is for.", input_schema=schema)


def clerk() -> Agent[Any]:
    return Agent(name="clerk", instructions="Answer.", mcp_servers=[mcp_server("notes")])


SPEC = spec_of(clerk)


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> AgentRunner:
    """One whose server is never connected: tests say what it offers."""
    monkeypatch.setattr(McpConnection, "begin", lambda _self: None)
    model = ScriptedModel([ModelStep([assistant_message("done")])])
    made = AgentRunner(Registry(), FixedAccess(model))
    made.servers.add([McpServer(name="notes", command="never-started")])
    return made


def offers(runner: AgentRunner, *tools: Tool) -> None:
    runner.servers._connections["notes"].tools = tools


def foreseen(runner: AgentRunner, **more: Any) -> int:
    return runner.foresee(SPEC, None, 400, 100, **more).tokens


def test_tools_count_as_soon_as_they_are_known(runner: AgentRunner) -> None:
    unknown = foreseen(runner)
    offers(runner, tool("read", 400))
    one = foreseen(runner)
    offers(runner, tool("read", 400), tool("write", 400))
    two = foreseen(runner)

    assert one - unknown > 400
    assert two - one > 400


def test_what_a_plan_does_not_allow_does_not_count(runner: AgentRunner) -> None:
    offers(runner, tool("read", 400), tool("write", 400))
    everything = foreseen(runner)

    without = foreseen(runner, lists=ToolLists(mcp_servers=()))
    one = foreseen(runner, lists=ToolLists(tools=("notes/read",)))

    assert everything - one > 400
    assert one - without > 400


async def test_it_covers_the_first_call_and_is_not_much_more(runner: AgentRunner) -> None:
    offers(runner, tool("read", 400))
    wanted: list[int] = []

    async def allowance(may_use: Any, _used: Any) -> None:
        wanted.append(may_use.tokens)

    before = runner.foresee(SPEC, None, len('"hello"'), None).tokens
    await runner.run(order_for(SPEC, "hello", allowance=allowance), Recorder())

    assert wanted[0] <= before <= wanted[0] + 40


def test_it_is_computed_once_for_each_list_of_tools(
    runner: AgentRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[Any] = []

    def told(graph: Any) -> int:
        counted.append(graph)
        return characters_told(graph)

    monkeypatch.setattr(graph_pool, "characters_told", told)

    for tools in [(tool("read", 4),), (tool("read", 4), tool("write", 4))]:
        offers(runner, *tools)
        for _ in range(3):
            foreseen(runner)

    assert len(counted) == 2


class Client:
    """Says each time anew what the server offers."""

    def __init__(self) -> None:
        self.names = ["read"]

    async def list_tools(self) -> list[Tool]:
        return [tool(name, 4) for name in self.names]


async def test_a_list_that_is_read_again_and_says_the_same_stays_the_same_object(runner: AgentRunner) -> None:
    connection, client = runner.servers._connections.get("notes"), Client()
    assert connection is not None

    await connection._read_tools(client)  # type: ignore[arg-type]  # all that is asked of it
    first = connection.tools
    await connection._read_tools(client)  # type: ignore[arg-type]
    again = connection.tools
    client.names.append("write")
    await connection._read_tools(client)  # type: ignore[arg-type]

    assert again is first
    assert connection.tools is not first
