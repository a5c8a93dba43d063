"""What a reader of a streamed run gets to see."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, function_tool
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from openai.types.responses import ResponseReasoningSummaryTextDeltaEvent
from pydantic import BaseModel

from agents_defs.offline_model import OfflineModel
from agents_defs.registry import default_registry
from tests.doubles.recorded_runs import Recorder, order_for, plain_agent, run_agent, runner_on


@function_tool
async def measure(place: str) -> str:
    """Measures."""
    return f"{place}: " + "4.2 m; " * 100


@function_tool
async def broken() -> str:
    """Fails."""
    raise ValueError("no luck")


@function_tool(failure_error_function=lambda _context, error: f"it said {error}")
async def broken_politely() -> str:
    """Fails in its own words."""
    raise ValueError("no luck")


def agent() -> Agent[Any]:
    return plain_agent(tools=[measure, broken, broken_politely])


async def test_the_text_of_the_last_turn_is_the_output() -> None:
    model = ScriptedModel(
        [
            [function_call("measure", {"place": "weir"}, call_id="c1")],
            [assistant_message("The level is 4.2 m.")],
        ]
    )
    recorder = Recorder()

    result = await run_agent(agent, model, recorder, stream=True)

    assert recorder.text_of_last_turn() == result.output == "The level is 4.2 m."


async def test_nothing_is_told_where_nobody_watches() -> None:
    recorder = Recorder()

    await run_agent(agent, ScriptedModel([[assistant_message("hi")]]), recorder, stream=False)

    assert recorder.deltas == []


async def test_streaming_changes_neither_output_nor_calls() -> None:
    script = [[function_call("measure", {"place": "weir"}, call_id="c1")], [assistant_message("fine")]]
    plain, streamed = Recorder(), Recorder()

    one = await run_agent(agent, ScriptedModel(script), plain, stream=False)
    other = await run_agent(agent, ScriptedModel(script), streamed, stream=True)

    assert (one.output, one.new_items, one.turns) == (other.output, other.new_items, other.turns)
    assert [call.call_id for call in plain.calls] == [call.call_id for call in streamed.calls]


async def test_tools_are_told_when_called_and_when_they_return() -> None:
    model = ScriptedModel(
        [[function_call("measure", {"place": "weir"}, call_id="c1")], [assistant_message("fine")]]
    )
    recorder = Recorder()

    await run_agent(agent, model, recorder, stream=True)

    called, returned = recorder.told("tool_called", "tool_returned")
    assert called[1] == {"name": "measure", "call_id": "c1", "arguments": {"place": "weir"}}
    assert returned[1]["call_id"] == "c1"
    assert returned[1]["ok"] is True
    assert returned[1]["summary"].startswith("weir: 4.2 m")
    assert len(returned[1]["summary"]) == 200


@pytest.mark.parametrize("tool", ["broken", "broken_politely"])
async def test_a_tool_that_failed_is_not_ok(tool: str) -> None:
    model = ScriptedModel([[function_call(tool, {}, call_id="c1")], [assistant_message("sorry")]])
    recorder = Recorder()

    await run_agent(agent, model, recorder, stream=True)

    ((_, data),) = recorder.told("tool_returned")
    assert data["ok"] is False


async def test_arguments_that_are_no_json_are_told_as_they_are() -> None:
    model = ScriptedModel([[function_call("measure", "{place", call_id="c1")], [assistant_message("sorry")]])
    recorder = Recorder()

    await run_agent(agent, model, recorder, stream=True)

    ((_, data),) = recorder.told("tool_called")
    assert data["arguments"] == "{place"


async def test_a_hand_off_is_told_once() -> None:
    def pair() -> Agent[Any]:
        return Agent(name="first", handoffs=[Agent(name="second")])

    model = ScriptedModel(
        [[function_call("transfer_to_second", {}, call_id="c1")], [assistant_message("me")]]
    )
    recorder = Recorder()

    result = await run_agent(pair, model, recorder, stream=True)

    assert recorder.told("agent_changed") == [("agent_changed", {"from": "first", "to": "second"})]
    assert result.last_agent == "second"


async def test_turns_are_counted_from_zero() -> None:
    model = ScriptedModel(
        [
            [assistant_message("Let me see."), function_call("measure", {"place": "a"}, call_id="c1")],
            [assistant_message("Done.")],
        ]
    )
    recorder = Recorder()

    await run_agent(agent, model, recorder, stream=True)

    assert [(kind, turn) for kind, _, turn, _ in recorder.deltas if kind != "text"] == [
        ("tool_called", 0),
        ("tool_returned", 0),
    ]
    assert {turn for kind, _, turn, _ in recorder.deltas if kind == "text"} == {0, 1}
    assert recorder.text_of_last_turn() == "Done."


async def test_reasoning_is_told_apart_from_text() -> None:
    async def thinking(_call: Any) -> Any:
        yield ResponseReasoningSummaryTextDeltaEvent(
            type="response.reasoning_summary_text.delta",
            delta="hm",
            item_id="r",
            output_index=0,
            summary_index=0,
            sequence_number=0,
        )

    recorder = Recorder()

    with pytest.raises(Exception, match="stream ended"):
        await run_agent(agent, ScriptedModel([ModelStep.stream(thinking)]), recorder, stream=True)

    assert recorder.told("reasoning", "text") == [("reasoning", {"text": "hm"})]


async def test_several_messages_in_the_last_turn_still_add_up_to_the_output() -> None:
    model = ScriptedModel(
        [[assistant_message("First, ", item_id="m1"), assistant_message("last", item_id="m2")]]
    )
    recorder = Recorder()

    result = await run_agent(agent, model, recorder, stream=True)

    assert recorder.text_of_last_turn() == result.output == "last"


async def test_a_tool_whose_result_is_the_output_is_streamed_as_text() -> None:
    model = ScriptedModel([[function_call("measure", {"place": "weir"}, call_id="c1")]])
    recorder = Recorder()

    result = await run_agent(
        lambda: plain_agent(tools=[measure], tool_use_behavior="stop_on_first_tool"),
        model,
        recorder,
        stream=True,
    )

    assert result.output.startswith("weir: ")
    assert recorder.text_of_last_turn() == result.output


class Level(BaseModel):
    metres: float


async def test_the_text_of_an_output_type_is_its_json() -> None:
    recorder = Recorder()
    model = ScriptedModel([[assistant_message('{"metres": 4.2}')]])

    result = await run_agent(lambda: plain_agent(output_type=Level), model, recorder, stream=True)

    assert result.output == {"metres": 4.2}
    assert recorder.text_of_last_turn() == '{"metres": 4.2}'


async def test_an_agent_used_as_a_tool_does_not_speak_to_the_reader() -> None:
    def nested() -> Agent[Any]:
        return plain_agent(tools=[Agent[Any](name="inner").as_tool("ask_inner", "Asks.")])

    model = ScriptedModel(
        [
            [function_call("ask_inner", {"input": "?"}, call_id="c1")],
            [assistant_message("inner words")],
            [assistant_message("outer words")],
        ]
    )
    recorder = Recorder()

    await run_agent(nested, model, recorder, stream=True)

    assert recorder.text_of_last_turn() == "outer words"
    assert recorder.told("agent_changed") == []
    texts = "".join(data["text"] for _, data in recorder.told("text"))
    assert texts == "outer words"


@pytest.mark.parametrize(
    "asked", ["Where is order 1042?", "I forgot my password", "hello", "refund of order 3?"]
)
async def test_streams_of_the_offline_model_add_up_too(asked: str) -> None:
    recorder = Recorder()
    spec = default_registry().resolve("support")

    result = await runner_on(OfflineModel()).run(order_for(spec, asked, stream=True), recorder)

    assert recorder.text_of_last_turn() == result.output
    assert len(recorder.told("text")) > 3
