"""What a plan's lists of tools and MCP servers leave of an agent's tools, kind by kind."""

from __future__ import annotations

from typing import Any
from unittest.mock import NonCallableMagicMock

import pytest
from agents import (
    Agent,
    ApplyPatchTool,
    CodeInterpreterTool,
    Computer,
    ComputerTool,
    CustomTool,
    FileSearchTool,
    HostedMCPTool,
    ImageGenerationTool,
    LocalShellTool,
    ShellTool,
    Tool,
    WebSearchTool,
    function_tool,
)
from agents.sandbox import SandboxAgent
from agents.testing import ScriptedModel, assistant_message

from agents_defs.permissions import Allowed
from agents_defs.registry import BadRegistration
from agents_defs.runner import AgentRunner
from tests.doubles.recorded_runs import Recorder, order_for, plain_agent, runner_on, spec_of


@function_tool
async def look() -> str:
    """Looks."""
    return "seen"


def hosted_mcp(label: str = "deepwiki") -> HostedMCPTool:
    return HostedMCPTool(
        tool_config={
            "type": "mcp",
            "server_label": label,
            "server_url": "https://mcp.example.org/mcp",
            "require_approval": "never",
        }
    )


def container() -> ShellTool:
    return ShellTool(environment={"type": "container_auto"})


HOSTED: tuple[Tool, ...] = (
    WebSearchTool(),
    FileSearchTool(vector_store_ids=["vs_1"]),
    CodeInterpreterTool(tool_config={"type": "code_interpreter", "container": {"type": "auto"}}),
    ImageGenerationTool(tool_config={"type": "image_generation"}),
    hosted_mcp(),
    container(),
)
NAMES = ["web_search", "file_search", "code_interpreter", "image_generation", "hosted_mcp", "shell"]


async def run_command(_request: Any) -> str:
    return "done"


ON_THE_MACHINE: tuple[Tool, ...] = (
    ComputerTool(computer=NonCallableMagicMock(spec=Computer)),
    ShellTool(executor=run_command),
    LocalShellTool(executor=run_command),
    ApplyPatchTool(editor=object()),  # type: ignore[arg-type]  # it is never used
)
MACHINE_NAMES = ["computer_use_preview", "shell", "local_shell", "apply_patch"]


def left(allowed: Allowed, *tools: Tool) -> list[str]:
    agent = plain_agent(tools=list(tools))
    allowed.left_of(agent)
    return [tool.name for tool in agent.tools]


def test_hosted_tools_are_there_where_no_list_says_otherwise() -> None:
    assert left(Allowed(), look, *HOSTED) == ["look", *NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_a_hosted_tool_is_allowed_by_its_name(name: str) -> None:
    assert left(Allowed(tools=frozenset({name})), look, *HOSTED) == [name]


def test_a_server_that_the_provider_asks_counts_as_an_mcp_server() -> None:
    tools = (hosted_mcp("wiki"), hosted_mcp("bank"))

    assert left(Allowed(mcp_servers=frozenset()), *tools) == []
    kept = plain_agent(tools=list(tools))
    Allowed(frozenset({"hosted_mcp"}), frozenset({"bank"})).left_of(kept)
    assert kept.tools == [tools[1]]
    one = plain_agent(tools=list(tools))
    Allowed(frozenset({"wiki/*"})).left_of(one)
    assert one.tools == [tools[0]]


@pytest.mark.parametrize("tool", ON_THE_MACHINE, ids=MACHINE_NAMES)
def test_tools_of_the_machine_are_there_only_where_a_plan_names_them(tool: Tool) -> None:
    assert left(Allowed(), look, tool) == ["look"]
    assert left(Allowed(tools=frozenset({"look"})), look, tool) == ["look"]
    assert left(Allowed(tools=frozenset({tool.name})), look, tool) == [tool.name]


@pytest.mark.parametrize("tool", ON_THE_MACHINE, ids=MACHINE_NAMES)
async def test_a_run_without_a_list_of_tools_is_not_told_of_the_machines(tool: Tool) -> None:
    offered = {}
    for tools in (None, (tool.name,)):
        model = ScriptedModel([[assistant_message("done")]])
        spec = spec_of(lambda: plain_agent(tools=[tool]), sandboxed=True)
        await runner_on(model).run(order_for(spec, tools=tools), Recorder())
        offered[tools] = [one.name for one in model.calls[0].tools]

    assert offered == {None: [], (tool.name,): [tool.name]}


def warmed(build: Any, **changes: Any) -> AgentRunner:
    runner = runner_on(ScriptedModel([]))
    runner._registry.register(spec_of(build, **changes))
    runner.warm_up()
    return runner


@pytest.mark.parametrize("tool", ON_THE_MACHINE, ids=MACHINE_NAMES)
def test_a_tool_of_the_machine_is_refused_where_nobody_says_that_it_is_sandboxed(tool: Tool) -> None:
    with pytest.raises(BadRegistration, match=r"works on the worker's own machine.*sandboxed=True"):
        warmed(lambda: plain_agent(tools=[tool]))

    warmed(lambda: plain_agent(tools=[tool]), sandboxed=True)


def test_an_agent_that_is_handed_off_to_is_looked_at_too() -> None:
    def build() -> Agent[Any]:
        onward = Agent[Any](
            name="onward", instructions="Go on.", tools=[LocalShellTool(executor=run_command)]
        )
        return plain_agent(handoffs=[onward])

    with pytest.raises(BadRegistration, match="local_shell"):
        warmed(build)


def test_what_nothing_would_record_is_refused() -> None:
    custom = CustomTool(name="raw", description="Raw.", on_invoke_tool=run_command)  # type: ignore[arg-type]

    with pytest.raises(BadRegistration, match="nothing records what the custom tool 'raw'"):
        warmed(lambda: plain_agent(tools=[custom]))


def test_an_agent_that_needs_a_sandbox_client_is_refused() -> None:
    with pytest.raises(BadRegistration, match="SandboxAgent"):
        warmed(lambda: SandboxAgent(name="boxed", instructions="Work."), sandboxed=True)


async def test_hand_offs_stay_whatever_the_plan_lists() -> None:
    model = ScriptedModel([[assistant_message("done")]])
    spec = spec_of(lambda: plain_agent(tools=[look], handoffs=[Agent(name="onward", instructions="Go on.")]))

    await runner_on(model).run(order_for(spec, tools=()), Recorder())

    call = model.calls[0]
    assert (list(call.tools), [one.tool_name for one in call.handoffs]) == ([], ["transfer_to_onward"])


async def test_an_agent_used_as_a_tool_goes_by_the_name_of_the_tool() -> None:
    def build() -> Agent[Any]:
        expert = Agent[Any](name="expert", instructions="Know.", tools=[look])
        return plain_agent(tools=[expert.as_tool("ask_expert", "Asks.")])

    offered = []
    for tools in (("ask_expert",), ("look",)):
        model = ScriptedModel([[assistant_message("done")]])
        await runner_on(model).run(order_for(spec_of(build), tools=tools), Recorder())
        offered.append([one.name for one in model.calls[0].tools])

    assert offered == [["ask_expert"], []]
