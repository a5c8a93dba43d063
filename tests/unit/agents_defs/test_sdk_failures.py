"""What each way in which a run can end early means."""

from __future__ import annotations

from typing import Any

import pytest
from agents import (
    Agent,
    GuardrailFunctionOutput,
    ToolGuardrailFunctionOutput,
    function_tool,
    input_guardrail,
    output_guardrail,
    tool_input_guardrail,
    tool_output_guardrail,
)
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from openai.types.responses import ResponseOutputMessage, ResponseOutputRefusal
from pydantic import BaseModel

from schemas.failures import Code, RunFailure
from tests.doubles.recorded_runs import plain_agent, run_agent
from tests.unit.agents_defs.test_provider_failures import answered


class Answer(BaseModel):
    number: int


@function_tool
async def steady() -> str:
    """Works."""
    return "fine"


@function_tool
async def shaky() -> str:
    """Fails, and the model is told."""
    raise ValueError("no luck")


@function_tool(failure_error_function=None)
async def fatal() -> str:
    """Fails, and the run with it."""
    raise ValueError("the disk is full")


@function_tool(failure_error_function=None)
async def picky(number: int) -> str:
    """Takes numbers only."""
    return str(number)


@function_tool(needs_approval=True)
async def grave() -> str:
    """Asks a person first."""
    return "done"


@tool_input_guardrail
def no_calls(_data: Any) -> ToolGuardrailFunctionOutput:
    return ToolGuardrailFunctionOutput.raise_exception()


@tool_output_guardrail
def no_results(_data: Any) -> ToolGuardrailFunctionOutput:
    return ToolGuardrailFunctionOutput.raise_exception()


@function_tool(tool_input_guardrails=[no_calls])
async def guarded_call() -> str:
    """Never called."""
    return "x"


@function_tool(tool_output_guardrails=[no_results])
async def guarded_result() -> str:
    """Never heard."""
    return "x"


@input_guardrail
def no_questions(_context: Any, _agent: Any, _asked: Any) -> GuardrailFunctionOutput:
    return GuardrailFunctionOutput(output_info=None, tripwire_triggered=True)


@output_guardrail
def no_answers(_context: Any, _agent: Any, _said: Any) -> GuardrailFunctionOutput:
    return GuardrailFunctionOutput(output_info=None, tripwire_triggered=True)


TOOLS = [steady, shaky, fatal, picky, grave, guarded_call, guarded_result]


def toolbox() -> Agent[Any]:
    return plain_agent(tools=list(TOOLS))


def calling(name: str, arguments: dict[str, Any] | str | None = None, *then: Any) -> ScriptedModel:
    return ScriptedModel([[function_call(name, arguments or {}, call_id="c1")], *then])


async def failure(agent: Any, model: ScriptedModel, **changes: Any) -> RunFailure:
    with pytest.raises(RunFailure) as caught:
        await run_agent(agent, model, **changes)
    return caught.value


@pytest.mark.parametrize("stream", [False, True])
async def test_too_many_turns(stream: bool) -> None:
    endless = ScriptedModel([[function_call("steady", {}, call_id=f"c{n}")] for n in range(9)])

    found = await failure(toolbox, endless, stream=stream, max_turns=3)

    assert found.code is Code.RUN_TURN_CAP
    assert len(endless.calls) == 3


async def test_a_request_cannot_have_more_turns_than_the_agent() -> None:
    endless = ScriptedModel([[function_call("steady", {}, call_id=f"c{n}")] for n in range(19)])

    await failure(toolbox, endless, max_turns=50)

    assert len(endless.calls) == 10


async def test_a_tool_that_fails_is_told_to_the_model() -> None:
    model = calling("shaky", None, [assistant_message("sorry")])

    result = await run_agent(toolbox, model)

    assert result.output == "sorry"
    assert "error" in str(result.new_items).lower()
    assert "no luck" not in str(result.new_items)


async def test_a_tool_whose_failure_is_final() -> None:
    found = await failure(toolbox, calling("fatal"))

    assert found.code is Code.TOOL_FAILED
    assert "fatal" in found.message
    assert "ValueError: the disk is full" in found.message


async def test_a_tool_that_nobody_has() -> None:
    found = await failure(toolbox, calling("imaginary"))

    assert found.code is Code.MODEL_BEHAVIOUR
    assert "imaginary" in found.message


@pytest.mark.parametrize("arguments", ["{", '{"number": "x"}', "[]"])
async def test_arguments_that_do_not_fit_where_the_tool_forgives_nothing(arguments: str) -> None:
    found = await failure(toolbox, calling("picky", arguments))

    assert found.code is Code.MODEL_BEHAVIOUR


async def test_an_answer_of_the_wrong_type() -> None:
    model = ScriptedModel([[assistant_message("not json")]])

    found = await failure(lambda: plain_agent(output_type=Answer), model)

    assert found.code is Code.MODEL_BEHAVIOUR


async def test_a_model_that_refuses() -> None:
    refusal = ResponseOutputRefusal(type="refusal", refusal="I will not")
    message = ResponseOutputMessage(
        id="m", type="message", role="assistant", status="completed", content=[refusal]
    )

    found = await failure(lambda: plain_agent(output_type=Answer), ScriptedModel([[message]]))

    assert found.code is Code.MODEL_BEHAVIOUR
    assert "I will not" in found.message


@pytest.mark.parametrize("stream", [False, True])
async def test_an_input_guardrail_that_trips(stream: bool) -> None:
    model = ScriptedModel([[assistant_message("hi")]])

    found = await failure(lambda: plain_agent(input_guardrails=[no_questions]), model, stream=stream)

    assert found.code is Code.GUARDRAIL_INPUT
    assert "no_questions" not in found.message


@pytest.mark.parametrize("stream", [False, True])
async def test_an_output_guardrail_that_trips(stream: bool) -> None:
    model = ScriptedModel([[assistant_message("the secret")]])

    found = await failure(lambda: plain_agent(output_guardrails=[no_answers]), model, stream=stream)

    assert found.code is Code.GUARDRAIL_OUTPUT
    assert "the secret" not in found.message


@pytest.mark.parametrize(
    ("tool", "code"), [("guarded_call", Code.GUARDRAIL_INPUT), ("guarded_result", Code.GUARDRAIL_OUTPUT)]
)
async def test_a_tool_guardrail_that_trips(tool: str, code: Code) -> None:
    found = await failure(toolbox, calling(tool))

    assert found.code is code


async def test_a_tool_that_waits_for_a_person_cannot_go_on_yet() -> None:
    found = await failure(toolbox, calling("grave"))

    assert found.code is Code.TOOL_FAILED
    assert "grave" in found.message


async def test_a_stream_that_ends_early() -> None:
    async def nothing(_call: Any) -> Any:
        return
        yield

    found = await failure(plain_agent, ScriptedModel([ModelStep.stream(nothing)]), stream=True)

    assert found.code is Code.MODEL_BEHAVIOUR


async def test_a_mistake_in_an_agents_instructions_is_internal_and_chained() -> None:
    def broken(_context: Any, _agent: Any) -> str:
        raise KeyError("tone")

    found = await failure(lambda: Agent(name="x", instructions=broken), ScriptedModel([]))

    assert found.code is Code.INTERNAL
    assert isinstance(found.__cause__, KeyError)


async def test_a_build_that_fails_is_internal() -> None:
    def broken() -> Agent[Any]:
        raise RuntimeError("no such prompt")

    found = await failure(broken, ScriptedModel([]))

    assert found.code is Code.INTERNAL
    assert "no such prompt" in found.message


async def test_what_an_agent_used_as_a_tool_meets_is_passed_on_where_it_is_final() -> None:
    def nested() -> Agent[Any]:
        inner = Agent[Any](name="inner")
        tool = inner.as_tool("ask_inner", "Asks.", failure_error_function=None)
        return plain_agent(tools=[tool])

    model = calling(
        "ask_inner", {"input": "?"}, ModelStep.raise_error(answered(429, headers={"retry-after": "4"}))
    )

    found = await failure(nested, model)

    assert (found.code, found.retry_after_ms) == (Code.MODEL_UNAVAILABLE, 4000)
