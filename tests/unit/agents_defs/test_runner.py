"""What a run gives back, and what it tells of its model calls."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from agents import Agent, ModelSettings, RunContextWrapper, Usage, function_tool
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails
from pydantic import BaseModel

from agents_defs.model_access import FixedAccess, ModelOptions, open_models
from agents_defs.prices import Rates
from agents_defs.registry import Registry
from agents_defs.run_context import RunContext
from agents_defs.runner import AgentRunner
from schemas.failures import Code, RunFailure
from tests.doubles.recorded_runs import AT, Recorder, order_for, plain_agent, run_agent, spec_of

SEEN: list[RunContext] = []


@function_tool
async def double(number: int) -> int:
    """Doubles."""
    return 2 * number


@function_tool
async def who_asks(context: RunContextWrapper[RunContext]) -> str:
    """Tells who asks."""
    SEEN.append(context.context)
    return f"{context.context.tenant_id}/{context.context.user_id}"


def with_tools() -> Agent[Any]:
    return plain_agent(tools=[double, who_asks])


def doubling() -> ScriptedModel:
    """A model that calls `double` and then answers."""
    return ScriptedModel(
        [[function_call("double", {"number": 4}, call_id="c1")], [assistant_message("eight")]]
    )


def usage(asked: int, said: int) -> Usage:
    return Usage(
        requests=1,
        input_tokens=asked,
        output_tokens=said,
        total_tokens=asked + said,
        input_tokens_details=InputTokensDetails(cached_tokens=asked // 2, cache_write_tokens=0),
        output_tokens_details=OutputTokensDetails(reasoning_tokens=said // 2),
    )


async def test_a_run_gives_the_answer_and_how_it_came_about() -> None:
    model = ScriptedModel(
        [[function_call("double", {"number": 4}, call_id="c1")], [assistant_message("eight")]]
    )

    result = await run_agent(with_tools, model)

    assert (result.output, result.last_agent, result.turns, result.models) == (
        "eight",
        "plain",
        2,
        ("scripted",),
    )


async def test_new_items_hold_the_input_and_all_that_came_of_it() -> None:
    model = ScriptedModel(
        [[function_call("double", {"number": 4}, call_id="c1")], [assistant_message("eight")]]
    )
    earlier = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]

    result = await run_agent(with_tools, model, asked="double 4", session_items=earlier)

    kinds = [item.get("type", item.get("role")) for item in result.new_items]
    assert kinds == ["user", "function_call", "function_call_output", "message"]
    assert result.new_items[0]["content"] == "double 4"


async def test_the_model_sees_the_session_before_the_input() -> None:
    model = ScriptedModel([[assistant_message("yes")]])
    earlier = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]

    await run_agent(plain_agent, model, asked="still there?", session_items=earlier)

    assert model.last_call is not None
    assert [item["content"] for item in model.last_call.input] == ["hi", "hello", "still there?"]


async def test_new_items_can_be_the_session_of_the_next_run() -> None:
    first = ScriptedModel(
        [[function_call("double", {"number": 4}, call_id="c1")], [assistant_message("eight")]]
    )
    second = ScriptedModel([[assistant_message("as I said")]])

    remembered = (await run_agent(with_tools, first)).new_items
    result = await run_agent(with_tools, second, asked="again?", session_items=remembered)

    assert result.output == "as I said"


async def test_an_input_of_items_is_passed_on_as_it_is() -> None:
    model = ScriptedModel([[assistant_message("yes")]])
    items = [{"role": "user", "content": [{"type": "input_text", "text": "look"}]}]

    result = await run_agent(plain_agent, model, asked=items)

    assert result.new_items[0] == items[0]


async def test_each_call_is_told_with_tokens_price_and_time() -> None:
    model = ScriptedModel([ModelStep(output=[assistant_message("hi")], usage=usage(1000, 100))])
    rates = Rates(
        "list/1", input=((-1, Decimal(2)),), cached=((-1, Decimal("0.5")),), output=((-1, Decimal(8)),)
    )
    ticks = iter([10.0, 10.5])
    runner = AgentRunner(Registry(), FixedAccess(model, "gpt", rates), now=lambda: next(ticks))
    recorder = Recorder()

    result = await runner.run(order_for(spec_of(plain_agent)), recorder)

    (call,) = recorder.calls
    assert result.calls == (call,)
    assert (call.model, call.agent, call.purpose, call.state) == ("gpt", "plain", "agent", "settled")
    assert (call.input_tokens, call.cached_tokens, call.output_tokens, call.reasoning_tokens) == (
        1000,
        500,
        100,
        50,
    )
    assert call.cost_usd == Decimal("0.00205")
    assert (call.cost_text, call.price_source) == ("0.00205", "list/1")
    assert (call.started, call.finished) == (10.0, 10.5)


async def test_a_call_that_nobody_counted_is_estimated_and_unknown() -> None:
    recorder = Recorder()

    await run_agent(plain_agent, ScriptedModel([[assistant_message("hi")]]), recorder)

    (call,) = recorder.calls
    assert call.state == "unknown"
    assert call.input_tokens > 0


async def test_every_call_carries_its_id_to_the_provider() -> None:
    model = ScriptedModel(
        [[function_call("double", {"number": 4}, call_id="c1")], [assistant_message("eight")]]
    )
    recorder = Recorder()

    await run_agent(with_tools, model, recorder, attempt=3)

    sent = [(call.model_settings.extra_headers or {})["X-Client-Request-Id"] for call in model.calls]
    assert sent == ["run-1/m0.3", "run-1/m1.3"] == [call.call_id for call in recorder.calls]


async def test_headers_of_the_agent_stay() -> None:
    model = ScriptedModel([[assistant_message("hi")]])

    await run_agent(
        lambda: plain_agent(model_settings=ModelSettings(extra_headers={"X-Team": "blue"})), model
    )

    assert model.last_call is not None
    assert (model.last_call.model_settings.extra_headers or {})["X-Team"] == "blue"


async def test_ids_from_outside_cannot_break_the_header() -> None:
    model = ScriptedModel([[assistant_message("hi")]])
    recorder = Recorder()

    await run_agent(plain_agent, model, recorder, run_id="ten\r\nant/✓/" + "x" * 300)

    call_id = recorder.calls[0].call_id
    assert call_id.isascii()
    assert call_id.isprintable()
    assert len(call_id) < 200


async def test_tools_learn_for_whom_they_work() -> None:
    SEEN.clear()
    model = ScriptedModel([[function_call("who_asks", {}, call_id="c1")], [assistant_message("you")]])

    await run_agent(with_tools, model, user_id="u7", metadata={"k": "v"}, attempt=2)

    (context,) = SEEN
    assert (context.tenant_id, context.user_id, context.request_id) == ("acme", "u7", "req-1")
    assert (context.agent, context.attempt, dict(context.metadata)) == ("tested@1", 2, {"k": "v"})


@dataclass
class Point:
    x: int
    y: Decimal


class Report(BaseModel):
    title: str
    points: list[Point]


async def test_an_output_type_comes_back_as_plain_json() -> None:
    text = '{"title": "t", "points": [{"x": 1, "y": "2.5"}]}'

    result = await run_agent(
        lambda: plain_agent(output_type=Report), ScriptedModel([[assistant_message(text)]])
    )

    assert result.output == {"title": "t", "points": [{"x": 1, "y": "2.5"}]}


async def test_a_model_asked_for_by_the_request_is_used_by_all_agents() -> None:
    access = open_models(ModelOptions(api_key="k"), now=lambda: 0.0, at=lambda: AT)

    assert access.named("gpt-5").name == "gpt-5"
    assert access.named("gpt-5") is access.named("gpt-5")
    await access.close()


async def test_no_further_call_once_the_cost_cap_is_reached() -> None:
    step = ModelStep(output=[function_call("double", {"number": 4}, call_id="c1")], usage=usage(1_000_000, 0))
    model = ScriptedModel([step, [assistant_message("eight")]])
    runner = AgentRunner(Registry(), FixedAccess(model, "gpt", Rates("list/1", input=((-1, Decimal(2)),))))
    recorder = Recorder()

    with pytest.raises(RunFailure) as caught:
        await runner.run(order_for(spec_of(with_tools), max_cost_usd=Decimal("1.5")), recorder)

    assert caught.value.code is Code.RUN_COST_CAP
    assert "spent 2 of at most 1.5 USD" in caught.value.message
    assert len(recorder.calls) == 1


@pytest.mark.parametrize(
    ("asked", "own", "cap"),
    [(None, None, None), ("2", None, "2"), (None, "1", "1"), ("2", "1", "1"), ("0.5", "1", "0.5")],
)
def test_a_request_can_only_lower_the_cost_cap_of_its_agent(
    asked: str | None, own: str | None, cap: str | None
) -> None:
    spec = replace(spec_of(plain_agent), max_cost_usd=None if own is None else Decimal(own))

    order = order_for(spec, max_cost_usd=None if asked is None else Decimal(asked))

    assert order.cost_cap == (None if cap is None else Decimal(cap))


async def test_the_cost_cap_of_an_agent_holds_without_one_of_the_request() -> None:
    step = ModelStep(output=[function_call("double", {"number": 4}, call_id="c1")], usage=usage(1_000_000, 0))
    model = ScriptedModel([step, [assistant_message("eight")]])
    runner = AgentRunner(Registry(), FixedAccess(model, "gpt", Rates("list/1", input=((-1, Decimal(2)),))))

    with pytest.raises(RunFailure, match=r"spent 2 of at most 1\.5 USD"):
        await runner.run(order_for(replace(spec_of(with_tools), max_cost_usd=Decimal("1.5"))), Recorder())


async def test_a_failing_run_does_not_disturb_the_next() -> None:
    model = ScriptedModel([ModelStep.raise_error(RuntimeError("boom")), [assistant_message("fine")]])
    runner, spec = AgentRunner(Registry(), FixedAccess(model)), spec_of(plain_agent)

    with pytest.raises(RunFailure):
        await runner.run(order_for(spec), Recorder())
    result = await runner.run(order_for(spec), Recorder())

    assert result.output == "fine"


async def test_runs_side_by_side_keep_their_calls_apart() -> None:
    async def answer(call: Any) -> Any:
        await asyncio.sleep(0)
        return [
            assistant_message(str(call.input[0]["content"] if isinstance(call.input, list) else call.input))
        ]

    model = ScriptedModel([ModelStep.respond(answer) for _ in range(50)])
    runner, spec = AgentRunner(Registry(), FixedAccess(model)), spec_of(plain_agent)
    recorders = [Recorder() for _ in range(50)]

    results = await asyncio.gather(
        *(runner.run(order_for(spec, f"q{n}", run_id=f"run-{n}"), recorders[n]) for n in range(50))
    )

    assert [result.output for result in results] == [f"q{n}" for n in range(50)]
    assert [[call.call_id for call in recorder.calls] for recorder in recorders] == [
        [f"run-{n}/m0.1"] for n in range(50)
    ]
