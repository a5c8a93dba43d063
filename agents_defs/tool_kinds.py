"""Where a tool of an agent works: in this process, at the provider, or on the machine of the worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from agents import (
    Agent,
    ApplyPatchTool,
    ComputerTool,
    CustomTool,
    FunctionTool,
    HostedMCPTool,
    LocalShellTool,
    OpenAIChatCompletionsModel,
    ShellTool,
)
from agents.sandbox import SandboxAgent

from agents_defs.mcp.declared import WantedServer
from agents_defs.pooled_model import PooledModel

if TYPE_CHECKING:
    from agents import Model, Tool

    from agents_defs.agent_spec import AgentSpec


def acts_on_worker(tool: Tool) -> bool:
    """Whether a model that calls it works on the machine itself: its shell, its files, its screen."""
    if isinstance(tool, ShellTool):
        return tool.executor is not None  # without one it runs in a container of the provider's
    return isinstance(tool, ComputerTool | LocalShellTool | ApplyPatchTool)


def label_of(tool: HostedMCPTool) -> str:
    """The name of the MCP server that the provider asks."""
    config: dict[str, Any] = dict(tool.tool_config)
    return str(config.get("server_label", ""))


def misplaced(agent: Agent[Any], spec: AgentSpec) -> Iterator[tuple[str, str]]:
    """What an agent may not have, and what to do instead."""
    if isinstance(agent, SandboxAgent):
        yield (
            f"{agent.name!r} is a SandboxAgent, and runs have no sandbox client",
            "make an Agent, with tools that reach a sandbox of your own",
        )
    for server in agent.mcp_servers:
        if not isinstance(server, WantedServer):
            yield (
                f"each run of {agent.name!r} would connect to the MCP server {server.name!r} anew",
                "write mcp_server(...) of agents_defs.mcp.declared",
            )
    for tool in agent.tools:
        if isinstance(tool, CustomTool):
            yield (
                f"nothing records what the custom tool {tool.name!r} of {agent.name!r} returns",
                "make it a function tool",
            )
        elif acts_on_worker(tool) and not spec.sandboxed:
            yield (
                f"the tool {tool.name!r} of {agent.name!r} works on the worker's own machine",
                "let it work in a sandbox and say so: AgentSpec(sandboxed=True)",
            )


def unreachable(agent: Agent[Any], model: Model) -> tuple[str, str] | None:
    """Tools that the API of the model does not know: it would refuse each call."""
    if not _speaks_chat(model):
        return None
    found = [tool.name for tool in agent.tools if not isinstance(tool, FunctionTool)]
    if not found:
        return None
    return (
        f"{agent.name!r} has tools that chat completions do not know: {', '.join(found)}",
        "set PENSTOCK_MODEL_API=responses (in a models file: `api`), or take them away",
    )


def _speaks_chat(model: Model) -> bool:
    """Where one of several endpoints does, some calls would fail."""
    if isinstance(model, PooledModel):
        served = [place.options for place in model.places]
        return any(one.api == "chat_completions" or one.provider == "litellm" for one in served)
    return isinstance(model, OpenAIChatCompletionsModel)
