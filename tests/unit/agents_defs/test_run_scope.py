"""Call ids and purposes of calls that a run makes below itself."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agents import (
    Agent,
    GuardrailFunctionOutput,
    RunContextWrapper,
    Runner,
    function_tool,
    input_guardrail,
)
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from hypothesis import given
from hypothesis import strategies as st

from agents_defs.nested_run import ask
from agents_defs.run_scope import MAX_SEGMENT_CHARS, SCOPE, header_safe
from tests.doubles.recorded_runs import Recorder, plain_agent, run_agent

JUDGE = Agent[Any](name="judge")


@function_tool
async def ask_judge(context: RunContextWrapper[Any], question: str) -> str:
    """Asks another agent, twice."""
    first = await ask(context, JUDGE, question)
    return f"{first} {await ask(context, JUDGE, question)}"


@input_guardrail
async def judged(context: RunContextWrapper[Any], _agent: Any, asked: Any) -> GuardrailFunctionOutput:
    verdict = await ask(context, JUDGE, asked)
    return GuardrailFunctionOutput(output_info=verdict, tripwire_triggered=False)


def sub_agents() -> Agent[Any]:
    tools = [Agent[Any](name=name).as_tool(f"ask_{name}", "Asks.") for name in ("one", "two")]
    return plain_agent(tools=[*tools, ask_judge])


def answering(count: int) -> list[Any]:
    async def answer(_call: Any) -> Any:
        await asyncio.sleep(0)
        return [assistant_message("ok")]

    return [ModelStep.respond(answer) for _ in range(count)]


async def test_agents_used_as_tools_have_calls_of_their_own() -> None:
    calls = [function_call(f"ask_{name}", {"input": "?"}, call_id=f"c-{name}") for name in ("one", "two")]
    recorder = Recorder()

    result = await run_agent(sub_agents, ScriptedModel([calls, *answering(3)]), recorder)

    assert recorder.calls[0].call_id == "run-1/m0.1"
    assert {call.call_id for call in recorder.calls} == {
        "run-1/m0.1",
        "run-1/t:c-one/m0.1",
        "run-1/t:c-two/m0.1",
        "run-1/m1.1",
    }
    assert {call.agent for call in recorder.calls} == {"plain", "one", "two"}
    assert result.turns == 2


async def test_an_agent_asked_from_a_tool_has_calls_of_its_own() -> None:
    script = [[function_call("ask_judge", {"question": "?"}, call_id="c1")], *answering(3)]
    recorder = Recorder()

    await run_agent(sub_agents, ScriptedModel(script), recorder)

    assert [(call.call_id, call.agent) for call in recorder.calls] == [
        ("run-1/m0.1", "plain"),
        ("run-1/t:c1/a0:judge/m0.1", "judge"),
        ("run-1/t:c1/a1:judge/m0.1", "judge"),
        ("run-1/m1.1", "plain"),
    ]


async def test_calls_of_a_guardrail_are_told_as_such() -> None:
    recorder = Recorder()

    await run_agent(lambda: plain_agent(input_guardrails=[judged]), ScriptedModel(answering(2)), recorder)

    assert {(call.call_id, call.purpose) for call in recorder.calls} == {
        ("run-1/m0.1", "agent"),
        ("run-1/g:judged/a0:judge/m0.1", "guardrail"),
    }


async def test_what_is_asked_below_is_part_of_the_runs_cost() -> None:
    script = [[function_call("ask_judge", {"question": "?"}, call_id="c1")], *answering(3)]

    result = await run_agent(sub_agents, ScriptedModel(script))

    assert len(result.calls) == 4


async def test_an_agent_may_be_tried_out_outside_of_any_run() -> None:
    agent = Agent[Any](name="alone", model=ScriptedModel(answering(1)))

    said = await ask(RunContextWrapper(context=None), agent, "?")

    assert said == "ok"


async def test_a_run_leaves_no_scope_behind() -> None:
    await run_agent(plain_agent, ScriptedModel(answering(1)))

    assert SCOPE.get() is None


async def test_a_nested_streamed_run_is_metered_as_well() -> None:
    @function_tool
    async def stream_inside() -> str:
        """Streams an agent."""
        inner = Agent[Any](name="inner")
        scope = SCOPE.get()
        assert scope is not None
        scope.run.prepare(inner)
        streamed = Runner.run_streamed(inner, "?")
        async for _ in streamed.stream_events():
            pass
        return str(streamed.final_output)

    model = ScriptedModel([[function_call("stream_inside", {}, call_id="c1")], *answering(2)])
    recorder = Recorder()

    await run_agent(lambda: plain_agent(tools=[stream_inside]), model, recorder)

    assert [call.call_id for call in recorder.calls] == ["run-1/m0.1", "run-1/t:c1/m0.1", "run-1/m1.1"]


@given(st.text())
def test_any_id_fits_into_a_header(text: str) -> None:
    safe = header_safe(text)

    assert safe.isascii()
    assert not set(safe) & set(" \r\n\0/")
    assert len(safe) <= MAX_SEGMENT_CHARS


@pytest.mark.parametrize("prefix", ["x" * 200, "✓" * 200])
def test_long_ids_stay_different(prefix: str) -> None:
    assert header_safe(prefix + "1") != header_safe(prefix + "2")
