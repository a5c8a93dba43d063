"""The real Agents SDK runs against the simulator: tools, hand-offs, structured output, failures."""

import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from agents import (
    Agent,
    ModelBehaviorError,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    RunConfig,
    Runner,
    RunResult,
    RunResultStreaming,
    function_tool,
)
from agents.models.interface import Model
from openai import AsyncOpenAI
from pydantic import BaseModel

from app.simulator.options import SimulatorOptions
from app.simulator.server import RunningSimulator, start

UNTRACED = RunConfig(tracing_disabled=True)
STREAMED = pytest.mark.parametrize("streamed", [False, True])


class Plan(BaseModel):
    title: str
    steps: list[str]


@function_tool
def lookup_order(order: int) -> str:
    """Where an order is."""
    return f"order {order} is at sea"


@pytest.fixture
async def simulator() -> AsyncIterator[RunningSimulator]:
    running = await start(SimulatorOptions())
    yield running
    await running.stop()


@pytest.fixture(params=[OpenAIResponsesModel, OpenAIChatCompletionsModel])
async def model(request: pytest.FixtureRequest, simulator: RunningSimulator) -> AsyncIterator[Model]:
    async with AsyncOpenAI(base_url=simulator.base_url, api_key="any", max_retries=0) as client:
        yield request.param("gpt-5.4", client)


def support(model: Model, **more: Any) -> Agent[None]:
    settings = ModelSettings(include_usage=True)
    return Agent(name="Support", instructions="Help.", model=model, model_settings=settings, **more)


async def run(agent: Agent[None], text: str, *, streamed: bool) -> tuple[RunResult | RunResultStreaming, str]:
    """The run's result, and the text that was streamed."""
    if not streamed:
        return await Runner.run(agent, text, run_config=UNTRACED), ""
    result = Runner.run_streamed(agent, text, run_config=UNTRACED)
    heard = [
        event.data.delta
        async for event in result.stream_events()
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
    ]
    return result, "".join(heard)


@STREAMED
async def test_text(model: Model, streamed: bool) -> None:
    result, heard = await run(support(model), "hello", streamed=streamed)

    assert result.final_output.endswith(' to "hello".')
    assert heard == (result.final_output if streamed else "")
    usage = result.context_wrapper.usage
    assert (usage.requests, usage.input_tokens > 0, usage.output_tokens > 0) == (1, True, True)


@STREAMED
async def test_parallel_tool_calls(model: Model, streamed: bool) -> None:
    text = '[[sim: tool=lookup_order args={"order":7} tool=lookup_order args={"order":8}]] Where?'

    result, _ = await run(support(model, tools=[lookup_order]), text, streamed=streamed)

    assert result.final_output.endswith(
        ' to "Where?"; lookup_order returned order 7 is at sea; lookup_order returned order 8 is at sea.'
    )
    assert len(result.raw_responses) == 2


@STREAMED
async def test_tools_turn_by_turn(model: Model, streamed: bool) -> None:
    text = '[[sim: tool=lookup_order args={"order":7} then tool=lookup_order args={"order":8} text="both"]]'

    result, _ = await run(support(model, tools=[lookup_order]), text, streamed=streamed)

    assert (result.final_output, len(result.raw_responses)) == ("both", 3)


@STREAMED
async def test_a_hand_off_and_then_the_next_agent_s_tool(model: Model, streamed: bool) -> None:
    billing = Agent[None](name="Billing", model=model, tools=[lookup_order])
    text = '[[sim: tool=transfer_to_billing then tool=lookup_order args={"order":7}]] Refund me'

    result, _ = await run(support(model, handoffs=[billing]), text, streamed=streamed)

    assert result.last_agent is billing
    assert "lookup_order returned order 7 is at sea" in result.final_output


@STREAMED
async def test_a_forced_tool(model: Model, streamed: bool) -> None:
    agent = support(model, tools=[lookup_order])
    agent.model_settings = ModelSettings(tool_choice="required")

    result, _ = await run(agent, "hello", streamed=streamed)

    assert "lookup_order returned order 0 is at sea" in result.final_output


@STREAMED
async def test_structured_output(model: Model, streamed: bool) -> None:
    result, _ = await run(support(model, output_type=Plan), "Plan it", streamed=streamed)

    plan = result.final_output_as(Plan)
    assert plan.title.startswith("Simulated answer")
    assert plan.steps == [plan.title]


@STREAMED
@pytest.mark.parametrize("words", ['text="{}"', 'text="no JSON"', "tool=make_tea"])
async def test_a_model_that_misbehaves(model: Model, streamed: bool, words: str) -> None:
    agent = support(model, output_type=Plan, tools=[lookup_order])

    with pytest.raises(ModelBehaviorError):
        await run(agent, f"[[sim: {words}]]", streamed=streamed)


@STREAMED
@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("fail=429", openai.RateLimitError),
        ("fail=503", openai.InternalServerError),
        ("fail=400", openai.BadRequestError),
        ("drop_after=2", openai.APIConnectionError),
        ("malformed", json.JSONDecodeError),
        ("speed=9", openai.BadRequestError),
    ],
)
async def test_failures_reach_the_caller_of_a_run(
    model: Model, streamed: bool, words: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await run(support(model), f"[[sim: {words}]]", streamed=streamed)
