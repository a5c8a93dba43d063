"""Calls one tool in a run of its own, as a model would."""

from __future__ import annotations

from typing import Any

from agents import Agent, FunctionTool
from agents.testing import ScriptedModel, assistant_message, function_call

from tests.doubles.recorded_runs import run_agent


async def output_of(tool: FunctionTool, arguments: dict[str, Any], **changes: Any) -> str:
    """What the model is told. The run's id, tenant, journal and decisions can be changed."""
    model = ScriptedModel([[function_call(tool.name, arguments, call_id="c1")], [assistant_message("done")]])
    result = await run_agent(lambda: Agent(name="caller", tools=[tool]), model, **changes)
    outputs = [item["output"] for item in result.new_items if item.get("type") == "function_call_output"]
    return str(outputs[-1])
