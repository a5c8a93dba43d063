"""Tools that the provider calls: passed through, recorded with the model's answer, refused where unknown."""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

import pytest
from agents import Agent, HostedMCPTool, WebSearchTool, function_tool
from agents.testing import assistant_message, function_call
from openai.types.responses import ResponseFunctionWebSearch
from openai.types.responses.response_output_item import McpCall

from agents_defs.endpoints import EndpointOptions
from agents_defs.model_access import ModelOptions
from agents_defs.openai_access import OpenAIAccess
from agents_defs.pooled_model import Place, PooledModel
from agents_defs.prices import PriceList
from agents_defs.registry import AgentSpec, BadRegistration, Registry
from agents_defs.run_journal import RunLost
from agents_defs.runner import AgentRunner
from agents_defs.tool_kinds import unreachable
from tests.doubles.history_model import HistoryModel, results
from tests.doubles.memory_journal import MemoryJournal
from tests.doubles.recorded_runs import AT, Recorder, order_for, plain_agent, runner_on, spec_of

SEARCH = {
    "id": "ws_1",
    "type": "web_search_call",
    "status": "completed",
    "action": {"type": "search", "query": "gates", "queries": ["gates"]},
}
ASKED = {
    "id": "mcp_1",
    "type": "mcp_call",
    "name": "read",
    "server_label": "wiki",
    "arguments": "{}",
    "output": "found",
}
CALLED: list[str] = []


@function_tool
async def note(text: str) -> str:
    """Notes."""
    CALLED.append(text)
    return "noted"


def searcher() -> Agent[Any]:
    wiki = HostedMCPTool(
        tool_config={
            "type": "mcp",
            "server_label": "wiki",
            "server_url": "https://wiki.example.org/mcp",
            "require_approval": "never",
        }
    )
    return Agent(name="searcher", instructions="Search.", tools=[WebSearchTool(), wiki, note])


def found(_instructions: str | None, asked: list[Any]) -> list[Any]:
    if not results(asked):
        return [
            ResponseFunctionWebSearch.model_validate(SEARCH),
            McpCall.model_validate(ASKED),
            function_call("note", {"text": "gates"}, call_id="c1"),
        ]
    kinds = [item.get("type") for item in asked if isinstance(item, dict)]
    return [assistant_message(" ".join(str(kind) for kind in kinds if str(kind).endswith("_call")))]


async def test_what_the_provider_found_is_recorded_with_the_answer_and_not_asked_for_again() -> None:
    spec, whole = spec_of(searcher), MemoryJournal()
    first = await runner_on(HistoryModel(found)).run(order_for(spec, journal=whole), Recorder())
    CALLED.clear()

    for write in range(1, whole.writes + 1):
        journal, recorder = MemoryJournal(fail_after=write), Recorder()
        with pytest.raises(RunLost):
            await runner_on(HistoryModel(found)).run(order_for(spec, journal=journal), recorder)
        model = HistoryModel(found)
        order = order_for(spec, journal=journal.resumed(), attempt=2)
        again = await runner_on(model).run(order, Recorder())
        recorded = sum(name.startswith("m:") for name in journal.entries)
        assert len(model.asked) == 2 - recorded
        assert again.output == first.output == "web_search_call mcp_call function_call"
        assert again.new_items == first.new_items


def opened(api: Any, build: Any) -> AgentRunner:
    options = ModelOptions(api_key="none", base_url="http://127.0.0.1:9/v1", api=api)
    spec = AgentSpec(name="searcher", version=1, build=build)
    return AgentRunner(Registry([spec]), OpenAIAccess(options, PriceList(lambda: 0.0, lambda: AT)))


async def test_an_api_that_does_not_know_hosted_tools_is_told_at_the_start() -> None:
    opened("responses", searcher).warm_up()

    with pytest.raises(BadRegistration) as told:
        opened("chat_completions", searcher).warm_up()

    assert "chat completions do not know: web_search, hosted_mcp" in str(told.value)
    assert "PENSTOCK_MODEL_API=responses" in str(told.value)


@pytest.mark.parametrize(
    ("kinds", "refused"),
    [
        ([("openai", "responses"), ("azure", "responses")], False),
        ([("openai", "responses"), ("openai", "chat_completions")], True),
        ([("litellm", "responses")], True),
    ],
)
def test_of_several_endpoints_each_has_to_know_them(kinds: list[Any], refused: bool) -> None:
    places = [
        Place(EndpointOptions(f"e{nth}", provider, None, None, api), MagicMock(), MagicMock())
        for nth, (provider, api) in enumerate(kinds)
    ]

    found = unreachable(searcher(), PooledModel("gpt", places, "round_robin"))

    assert (found is not None) is refused


async def test_an_api_without_hosted_tools_runs_agents_without_them() -> None:
    opened("chat_completions", lambda: plain_agent(tools=[note])).warm_up()
