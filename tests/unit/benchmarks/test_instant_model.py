"""The shared model asks for as many tool calls as it is told to."""

from typing import Any

from agents import RunConfig, Runner

from benchmarks.bench_agent import make_agent, make_model
from benchmarks.conversation import ANSWER, FOUND, QUESTION
from benchmarks.instant_model import SteppingModel
from benchmarks.terms import Terms


def kinds(items: list[Any]) -> list[str]:
    return [item.type for item in items]


async def test_three_steps_are_three_model_calls_and_two_tools() -> None:
    terms = Terms("", "", "x", tool_calls=2)
    agent = make_agent(terms, make_model(terms))

    result = await Runner.run(agent, QUESTION, run_config=RunConfig(tracing_disabled=True))

    assert result.final_output == ANSWER
    assert len(result.raw_responses) == 3
    assert [item.output for item in result.new_items if item.type == "tool_call_output_item"] == [FOUND] * 2


async def test_one_model_serves_many_runs_because_it_looks_at_what_it_is_shown() -> None:
    model = SteppingModel(1)
    result = {"type": "function_call_output", "call_id": "call_0", "output": FOUND}

    first = await model.get_response(None, QUESTION)
    other = await model.get_response(None, [{"role": "user", "content": QUESTION}])
    last = await model.get_response(None, [{"role": "user", "content": QUESTION}, result])

    assert kinds(first.output) == kinds(other.output) == ["function_call"]
    assert kinds(last.output) == ["message"]


async def test_an_agent_whose_model_calls_no_tool_has_none() -> None:
    terms = Terms("", "", "x")

    assert make_agent(terms).tools == []
    assert type(make_model(terms)) is not SteppingModel
