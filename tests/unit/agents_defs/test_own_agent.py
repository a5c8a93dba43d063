"""The agent that the documentation shows is short, and works."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from agents import function_tool
from agents.testing import ScriptedModel, assistant_message, function_call

from agents_defs.model_access import ModelOptions
from agents_defs.offline_model import OfflineModel
from agents_defs.registry import AgentSpec, Registry
from agents_defs.run_context import RunContext
from schemas.failures import Code
from tests.doubles.recorded_runs import Recorder, order_for, runner_on

PAGE = (Path(__file__).parents[3] / "docs" / "agents.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def shown() -> dict[str, Any]:
    """What the first example of the page defines."""
    defined: dict[str, Any] = {}
    exec(compile(BLOCKS[0], "my_agents.py", "exec"), defined)
    return defined


def test_it_takes_ten_lines() -> None:
    lines = [line for line in BLOCKS[0].splitlines() if line.strip()]

    assert len(lines) <= 10


async def test_it_is_registered_and_answers(shown: dict[str, Any]) -> None:
    spec = Registry([shown["SPEC"]]).resolve("gauge")
    model = ScriptedModel(
        [[function_call("water_level", {"place": "Linz"}, call_id="c1")], [assistant_message("4.2 m")]]
    )

    result = await runner_on(model).run(order_for(spec, "How high is the Danube at Linz?"), Recorder())

    assert result.output == "4.2 m"
    assert "The water level at Linz is 4.2 m." in str(result.new_items)


async def test_it_works_offline_without_a_change(shown: dict[str, Any]) -> None:
    order = order_for(shown["SPEC"], "What is the water level at Linz?")

    result = await runner_on(OfflineModel()).run(order, Recorder())

    assert result.output == "The water level at Linz is 4.2 m. (offline model)"


def test_both_versions_of_the_page_can_be_registered(shown: dict[str, Any]) -> None:
    shown["build_with_forecast"] = shown["build"]
    exec(compile(BLOCKS[1], "my_agents.py", "exec"), shown)

    registry = Registry(shown["SPECS"])

    assert (registry.resolve("gauge").version, registry.resolve("gauge@1").version) == (2, 1)


def test_a_tool_that_takes_the_context_is_made_as_shown(shown: dict[str, Any]) -> None:
    exec(compile(BLOCKS[2], "my_agents.py", "exec"), shown)

    assert type(shown["my_stations"]) is type(function_tool(lambda: "x", name_override="x"))
    assert shown["my_stations"].params_json_schema["properties"] == {}


def test_the_tables_name_what_there_is() -> None:
    for name in ("timeout_s", "call_timeout_s", "tool_timeout_s", "max_turns", "warn_after_s", "model_tier"):
        default = AgentSpec.__dataclass_fields__[name].default
        shown_default = f"`{default}`" if isinstance(default, str) else f"{default:g}"
        assert f"| `{name}` | {shown_default} |" in PAGE
    for name in RunContext.__dataclass_fields__:
        assert f"`{name}`" in PAGE
    failures = PAGE.split("| what goes wrong")[1].split("\n\n")[0]
    codes = re.findall(r"`([a-z_]+)`", failures)
    assert len(codes) == 10
    assert set(codes) <= set(Code)
    assert set(ModelOptions().tiers) == {"small", "standard", "large"}


async def test_the_flow_of_the_page_runs() -> None:
    shown: dict[str, Any] = {}
    block = next(block for block in BLOCKS if "Flow(" in block)

    exec(compile(block, "my_flow.py", "exec"), shown)

    order = order_for(shown["SPEC"], "How do gates and turbines work?")
    result = await runner_on(OfflineModel()).run(order, Recorder())
    assert result.last_agent == "writer"
    assert result.turns >= 3


def test_every_field_of_an_entry_is_explained() -> None:
    for name in AgentSpec.__dataclass_fields__:
        assert f"`{name}`" in PAGE


async def test_the_test_that_the_page_shows_passes(shown: dict[str, Any]) -> None:
    block = next(block for block in BLOCKS if "answer_of" in block)
    body = "async def shown_test():\n" + textwrap.indent(block, "    ")

    exec(compile(body, "test_my_agents.py", "exec"), shown)

    await shown["shown_test"]()
