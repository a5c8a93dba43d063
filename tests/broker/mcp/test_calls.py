"""Tools of an MCP server in runs: called, told, recorded, limited, and allowed as function tools are."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, function_tool
from agents.mcp import MCPServerStdio
from agents.testing import ScriptedModel, assistant_message, function_call

from agents_defs.mcp.declared import mcp_server
from agents_defs.run_journal import RunLost, RunNeedsApproval
from schemas.failures import Code, RunFailure
from tests.doubles.mcp_servers import Programs, calling, clerk, run
from tests.doubles.memory_journal import MemoryJournal


async def test_a_tool_is_called_and_told_as_any_tool_is(programs: Programs) -> None:
    runner = programs.runner(calling("add", a=1, b=2), programs.server())

    result, recorder = await run(runner, stream=True)

    assert "sum 3" in result.output
    assert programs.noted() == ["add 1 2"]
    called, returned = recorder.told("tool_called", "tool_returned")
    assert (called[1]["name"], returned[1]["ok"]) == ("add", True)


async def test_all_runs_share_one_connection(programs: Programs) -> None:
    runner = programs.runner(calling("add", a=1, b=2), programs.server())

    for _ in range(3):
        await run(runner)

    assert len(programs.pids()) == 1
    assert programs.noted() == ["add 1 2"] * 3


async def test_a_failure_is_told_in_the_servers_words(programs: Programs) -> None:
    runner = programs.runner(calling("refuse", text="coffee"), programs.server())

    result, recorder = await run(runner, stream=True)

    assert "no coffee today" in result.output
    assert recorder.told("tool_returned")[0][1]["ok"] is False


async def test_what_is_recorded_is_not_called_again(programs: Programs) -> None:
    runner = programs.runner(calling("add", a=1, b=2), programs.server())
    whole = MemoryJournal()
    first, _ = await run(runner, journal=whole)
    recorded = 0

    for write in range(1, whole.writes + 1):
        journal = MemoryJournal(fail_after=write)
        with pytest.raises(RunLost):
            await run(runner, journal=journal)
        had = "t:t:c1" in journal.entries
        recorded += had
        programs.notes.write_text("")
        again, _ = await run(runner, journal=journal.resumed(), attempt=2)
        assert again.output == first.output
        assert programs.noted() == ([] if had else ["add 1 2"])

    assert recorded


async def test_a_call_that_may_be_made_once_only_ends_the_run(programs: Programs) -> None:
    declared = programs.server(effects={"add": "at_most_once"})
    runner = programs.runner(calling("add", a=1, b=2), declared)
    journal = MemoryJournal()
    await run(runner, journal=journal)
    cut = {name: entry for name, entry in journal.entries.items() if name != "t:t:c1" and "m1" not in name}

    with pytest.raises(RunFailure) as caught:
        await run(runner, journal=MemoryJournal(cut).resumed(), attempt=2)

    assert caught.value.code is Code.UNKNOWN_CALL
    assert programs.noted() == ["add 1 2"]


@pytest.mark.parametrize(("of_server", "of_agent"), [(0.2, 30.0), (None, 0.2)])
async def test_a_call_takes_no_longer_than_it_may(
    programs: Programs, of_server: float | None, of_agent: float
) -> None:
    runner = programs.runner(calling("slow", seconds=60), programs.server(timeout_s=of_server))

    result, recorder = await run(runner, stream=True, tool_timeout_s=of_agent)

    assert "timed out after 0.2 seconds" in result.output
    assert recorder.told("tool_returned")[0][1]["ok"] is False
    assert (await run(runner, tool_timeout_s=of_agent))[0].output == result.output
    assert len(programs.pids()) == 1


async def test_a_tool_that_waits_for_a_person_waits(programs: Programs) -> None:
    runner = programs.runner(calling("add", a=1, b=2), programs.server(approval=("add",)))

    with pytest.raises(RunNeedsApproval) as waits:
        await run(runner, journal=MemoryJournal())

    assert [request.tool for request in waits.value.requests] == ["add"]
    assert programs.noted() == []


ALL = ["add", "crash", "refuse", "slow"]


@pytest.mark.parametrize(
    ("tools", "servers", "offered"),
    [
        (None, None, ALL),
        (None, ("notes",), ALL),
        (None, ("wiki",), []),
        (None, (), []),
        (("look",), None, []),
        (("add",), None, []),
        (("notes/add",), None, ["add"]),
        (("notes/add",), ("wiki",), []),
        (("notes/*", "wiki/read"), ("notes",), ALL),
    ],
)
async def test_a_plan_says_which_of_them_a_model_is_told_of(
    programs: Programs, tools: Any, servers: Any, offered: list[str]
) -> None:
    model = ScriptedModel([[assistant_message("done")]])
    runner = programs.runner(model, programs.server())

    await run(runner, tools=tools, mcp_servers=servers)

    assert sorted(tool.name for tool in model.calls[0].tools) == offered


async def test_a_tool_that_the_plan_takes_away_is_not_called_though_a_model_asks_for_it(
    programs: Programs,
) -> None:
    runner = programs.runner(calling("add", a=1, b=2), programs.server())
    await run(runner)
    journal = MemoryJournal()

    with pytest.raises(RunFailure) as caught:
        await run(runner, mcp_servers=("wiki",), journal=journal)

    assert caught.value.code is Code.MODEL_BEHAVIOUR
    assert "o:notes" not in journal.entries  # nobody asked what it offers
    assert programs.noted() == ["add 1 2"]


async def test_only_the_tools_that_are_declared_are_offered(programs: Programs) -> None:
    model = ScriptedModel([[assistant_message("done")]])
    runner = programs.runner(model, programs.server(tools=("add",)))

    await run(runner)

    assert [tool.name for tool in model.calls[0].tools] == ["add"]


async def test_a_name_that_the_agent_has_already_goes_with_the_servers(programs: Programs) -> None:
    @function_tool
    async def add(text: str) -> str:
        """Adds text."""
        return text

    model = calling("notes_add", a=1, b=2)
    runner = programs.runner(model, programs.server(tools=("add",)))

    result, _ = await run(runner, lambda: clerk(tools=[add]))

    assert "sum 3" in result.output


@pytest.mark.parametrize("wanted", ["tested", "tested/onward"])
async def test_a_server_is_given_to_agents_by_name(programs: Programs, wanted: str) -> None:
    def build() -> Agent[Any]:
        onward = Agent[Any](name="onward", instructions="Go on.")
        return Agent(name="plain", instructions="Answer.", handoffs=[onward])

    model = ScriptedModel(
        [[function_call("transfer_to_onward", {}, call_id="c1")], [assistant_message("done")]]
    )
    runner = programs.runner(model, programs.server(tools=("add",), agents=(wanted,)))

    await run(runner, build)

    offered = [[tool.name for tool in call.tools] for call in model.calls]
    assert offered == ([["add"], []] if wanted == "tested" else [[], ["add"]])


async def test_an_author_declares_a_server_where_it_is_used(programs: Programs) -> None:
    declared = programs.server()
    runner = programs.runner(calling("add", a=1, b=2))

    def build() -> Agent[Any]:
        return Agent(name="clerk", instructions="Answer.", mcp_servers=[mcp_server(declared)])

    result, _ = await run(runner, build)

    assert "sum 3" in result.output
    assert len(programs.pids()) == 1


async def test_a_server_that_nobody_declared_is_refused(programs: Programs) -> None:
    runner = programs.runner(ScriptedModel([]))

    with pytest.raises(RunFailure, match="not in PENSTOCK_MCP_FILE"):
        await run(runner)


async def test_a_connection_for_each_run_is_refused(programs: Programs) -> None:
    def build() -> Agent[Any]:
        own = MCPServerStdio({"command": "true"}, name="own")
        return Agent(name="clerk", instructions="Answer.", mcp_servers=[own])

    runner = programs.runner(ScriptedModel([]))
    with pytest.raises(RunFailure, match="would connect to the MCP server 'own' anew"):
        await run(runner, build)
