"""What the doctor makes of what MCP servers say."""

from pathlib import Path

from agents_defs.mcp.declared import McpServer
from agents_defs.mcp.look import Seen
from app.doctor import mcp
from app.mcp_file import McpFile


def test_servers_that_answer_share_a_line_and_each_other_has_its_own() -> None:
    found = mcp.judge(
        [
            Seen("wiki", ("search", "read")),
            Seen("files", trouble="there is no program files-mcp"),
            Seen("clock", ("now",)),
        ]
    )

    assert [(one.verdict, one.found) for one in found] == [
        ("fail", "files: there is no program files-mcp"),
        ("ok", "wiki (2 tools), clock (1 tool)"),
    ]
    assert "PENSTOCK_MCP_FILE" in found[0].advice


def test_tools_that_are_declared_and_not_offered_are_a_warning() -> None:
    found = mcp.judge([Seen("wiki", ("search",), missing=("write_page", "drop"))])

    assert [(one.verdict, one.found) for one in found] == [
        ("warn", "wiki offers no write_page, drop"),
        ("ok", "wiki (1 tool)"),
    ]


def test_an_agent_that_is_not_there_is_a_failure_for_no_worker_starts_with_it() -> None:
    wiki = McpServer("wiki", url="http://127.0.0.1:9/mcp", agents=("clerk/first", "guide"))
    file = McpFile((wiki,), Path())

    (found,) = mcp.strangers(file, ["guide"])

    assert (found.verdict, found.found) == ("fail", "no agent is called clerk")
    assert mcp.strangers(file, ["guide", "clerk"]) == []


async def test_who_declares_none_is_told_nothing() -> None:
    assert await mcp.examine(McpFile()) == []
