"""What a run says while it runs, from a scripted model through the real runner to the reader's eyes."""

import json
from typing import Any

import pytest
from agents import Agent, function_tool
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call

from agents_defs.model_access import FixedAccess
from agents_defs.registry import AgentSpec, Registry
from agents_defs.runner import AgentRunner
from schemas.failures import Code, RunFailure
from streams.deltas import MAX_TEXT
from tests.doubles.delta_reader import DeltaReader
from tests.doubles.flume import Flume, World
from tests.doubles.memory_outbox import NAMES
from tests.doubles.requests import body


@function_tool
def look_up(order: int) -> str:
    """Where an order is."""
    return f"order {order} is at sea"


@function_tool
def breaks() -> str:
    """Never works."""
    raise ValueError("the tool is broken")


def build() -> Agent[Any]:
    return Agent(name="Clerk", instructions="Answer.", tools=[look_up, breaks])


SPEC = AgentSpec("support", 3, build)


def flume_on(*steps: Any) -> Flume:
    access = FixedAccess(ScriptedModel(steps))
    return Flume(runs=AgentRunner(Registry([SPEC]), access), specs=[SPEC])


def said(flume: Flume) -> list[dict[str, Any]]:
    """Everything on the deltas topic: of the runs, then of the outcomes."""
    return flume.deltas.published + flume.world.log.read(NAMES.deltas)


async def test_the_assembled_text_is_the_output() -> None:
    async with flume_on([assistant_message("It is at sea.")]) as flume:
        flume.write(body("r-1", stream=True))
        await flume.settle()

        (response,) = flume.world.responses()
        reader = DeltaReader(said(flume))
        assert reader.text == response["output"] == "It is at sea."
        assert reader.status == response["status"] == "completed"


async def test_tools_are_told_between_the_turns() -> None:
    steps = (
        [assistant_message("One moment."), function_call("look_up", {"order": 7}, call_id="c-1")],
        [assistant_message("It is at sea.")],
    )
    async with flume_on(*steps) as flume:
        flume.write(body("r-1", stream=True))
        await flume.settle()

        deltas = said(flume)
        reader = DeltaReader(deltas)
        assert reader.kinds == ["text", "tool_called", "tool_returned", "text", "end"]
        assert reader.turns == {0: "One moment.", 1: "It is at sea."}
        assert deltas[1]["data"] == {"name": "look_up", "call_id": "c-1", "arguments": {"order": 7}}
        assert deltas[2]["data"] == {"call_id": "c-1", "ok": True, "summary": "order 7 is at sea"}


async def test_a_tool_that_raises_is_told_and_the_run_goes_on() -> None:
    steps = ([function_call("breaks", {}, call_id="c-1")], [assistant_message("It is broken.")])
    async with flume_on(*steps) as flume:
        flume.write(body("r-1", stream=True))
        await flume.settle()

        (returned,) = [delta for delta in said(flume) if delta["kind"] == "tool_returned"]
        assert returned["data"]["ok"] is False
        assert flume.world.statuses() == {"r-1": "completed"}


@pytest.mark.parametrize("arguments", ["5", "[1, 2]", "null", '"text"', "not json", "", '{"order": 9e999}'])
async def test_arguments_of_any_shape_are_told_and_hold_up_nobody(arguments: str) -> None:
    steps = (
        [function_call("look_up", arguments, call_id="c-1")],
        [assistant_message("Well.")],
        [assistant_message("Fine.")],
    )
    async with flume_on(*steps) as flume:
        flume.write(body("r-1", stream=True, session_id="s"), body("r-2", stream=True, session_id="s"))
        await flume.settle()

        assert flume.world.statuses()["r-2"] == "completed"
        kinds = [delta["kind"] for delta in said(flume) if delta["request_id"] == "r-1"]
        assert "tool_called" in kinds
        assert kinds[-1] == "end"


async def test_arguments_larger_than_a_record_are_cut() -> None:
    huge = {"order": 7, "why": "x" * 2_000_000}
    steps = ([function_call("look_up", huge, call_id="c-1")], [assistant_message("Fine.")])
    async with flume_on(*steps) as flume:
        flume.write(body("r-1", stream=True))
        await flume.settle()

        called = next(delta for delta in said(flume) if delta["kind"] == "tool_called")
        assert len(json.dumps(called)) < 2 * MAX_TEXT
        assert called["data"]["name"] == "look_up"


async def test_a_long_text_is_cut_into_several_and_nothing_is_missing() -> None:
    text = "é\u0001" * MAX_TEXT
    async with flume_on([assistant_message(text)]) as flume:
        flume.write(body("r-1", stream=True))
        await flume.settle()

        reader = DeltaReader(said(flume))
        assert reader.text == flume.world.responses()[0]["output"] == text
        assert reader.kinds.count("text") > 1


async def test_a_run_that_fails_ends_its_stream_with_its_outcome() -> None:
    error = ModelStep.raise_error(RunFailure(Code.MODEL_UNAVAILABLE, "the provider is away"))
    async with flume_on(error) as flume:
        flume.write(body("r-1", stream=True))
        await flume.settle()

        assert DeltaReader(said(flume)).status == "failed"


async def test_who_does_not_ask_for_a_stream_gets_none() -> None:
    async with flume_on([assistant_message("It is at sea.")]) as flume:
        flume.write(body("r-1"))
        await flume.settle()

        assert said(flume) == []
        assert flume.world.responses()[0]["output"] == "It is at sea."


async def test_a_second_attempt_takes_back_what_the_first_one_said() -> None:
    world = World()
    async with Flume(world) as first:
        first.write(body("r-1", stream=True))
        await first.running("r-1")
        heard = said(first)

    async with Flume(world) as second:
        await second.finish("r-1", verdict="in the end")
        await second.settle()

        heard += said(second)
        reader = DeltaReader(heard)
        assert reader.kinds[0] == "superseded"
        assert (reader.attempt, reader.text, reader.status) == (2, "in the end", "completed")


@pytest.mark.parametrize("changes", [{"agent": "nobody"}, {"session_id": ""}])
async def test_a_stream_of_a_request_that_cannot_be_accepted_ends_at_once(changes: dict[str, Any]) -> None:
    async with flume_on() as flume:
        flume.write(body("r-1", stream=True, **changes))
        await flume.settle()

        (end,) = said(flume)
        assert (end["kind"], end["seq"], end["data"]) == ("end", 0, {"status": "refused"})
