"""`penstock agents check` and what is shown of agents whose tools are not in this process."""

from __future__ import annotations

from typing import Any

from agents import Agent, LocalShellTool, WebSearchTool
from agents.mcp import MCPServerStdio

from agents_defs.authoring.drawing import draw
from agents_defs.authoring.examination import examine
from agents_defs.mcp.declared import McpServer, mcp_server
from agents_defs.registry import AgentSpec


async def run_command(_request: Any) -> str:
    return "done"


def guide() -> Agent[Any]:
    servers = [mcp_server("wiki"), mcp_server(McpServer(name="clocks", command="clocks"))]
    return Agent(name="guide", instructions="Guide.", tools=[WebSearchTool()], mcp_servers=list(servers))


def wild() -> Agent[Any]:
    own = MCPServerStdio({"command": "true"}, name="own")
    shell = LocalShellTool(executor=run_command)
    return Agent(name="wild", instructions="Work.", tools=[shell], mcp_servers=[own])


def test_an_agent_with_servers_and_hosted_tools_is_all_right() -> None:
    assert examine(AgentSpec("guide", 1, guide)) == []


def test_what_a_worker_would_refuse_is_found() -> None:
    found = [(one.what, one.instead) for one in examine(AgentSpec("wild", 1, wild))]

    assert found == [
        (
            "each run of 'wild' would connect to the MCP server 'own' anew",
            "write mcp_server(...) of agents_defs.mcp.declared",
        ),
        (
            "the tool 'local_shell' of 'wild' works on the worker's own machine",
            "let it work in a sandbox and say so: AgentSpec(sandboxed=True)",
        ),
    ]


def test_servers_are_shown_with_the_tools() -> None:
    (card,) = draw(guide())

    assert [tool.name for tool in card.tools] == ["web_search", "wiki/*", "clocks/*"]
