"""Time limits of calls, tools and runs; warnings; and what is told of calls that were cut off."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from agents import Agent, ToolTimeoutError, function_tool
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from openai.types.responses import ResponseTextDeltaEvent

from agents_defs.journal_entries import calls_of
from schemas.failures import Code, RunFailure
from tests.doubles.memory_journal import MemoryJournal
from tests.doubles.recorded_runs import Recorder, order_for, plain_agent, run_agent, runner_on, spec_of

SOON = 0.02


async def never(_call: Any) -> Any:
    await asyncio.Event().wait()


async def half(_call: Any) -> Any:
    """Forty words of an answer, and no more."""
    for number in range(40):
        yield ResponseTextDeltaEvent(
            type="response.output_text.delta",
            delta="word ",
            item_id="m",
            output_index=0,
            content_index=0,
            sequence_number=number,
            logprobs=[],
        )
    await asyncio.Event().wait()


@function_tool
async def stuck() -> str:
    """Never returns."""
    await asyncio.Event().wait()
    return "x"


@function_tool(timeout=SOON)
async def stuck_by_itself() -> str:
    """Never returns, and knows it."""
    await asyncio.Event().wait()
    return "x"


@function_tool(timeout=SOON, timeout_error_function=lambda _context, _error: "try later")
async def stuck_politely() -> str:
    """Never returns, and says so."""
    await asyncio.Event().wait()
    return "x"


@function_tool(timeout=SOON, timeout_behavior="raise_exception")
async def stuck_for_good() -> str:
    """Never returns, and ends the run."""
    await asyncio.Event().wait()
    return "x"


@function_tool
def slow_thread() -> str:
    """Runs in a thread that no one can stop."""
    time.sleep(5 * SOON)
    return "x"


def stuck_agent() -> Agent[Any]:
    return plain_agent(tools=[stuck, stuck_by_itself, stuck_politely, stuck_for_good, slow_thread])


async def failure(agent: Any, model: ScriptedModel, recorder: Recorder, **changes: Any) -> RunFailure:
    with pytest.raises(RunFailure) as caught:
        await run_agent(agent, model, recorder, **changes)
    return caught.value


@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_that_takes_too_long(stream: bool) -> None:
    recorder = Recorder()
    model = ScriptedModel([ModelStep.stream(half) if stream else ModelStep.respond(never)])

    found = await failure(plain_agent, model, recorder, call_timeout_s=SOON, stream=stream)

    assert found.code is Code.MODEL_TIMEOUT
    assert "model scripted did not answer within 0.02 s" in found.message
    assert [call.state for call in recorder.calls] == ["unknown"]


async def test_what_had_come_in_of_a_cut_call_is_counted() -> None:
    recorder = Recorder()

    await failure(
        plain_agent, ScriptedModel([ModelStep.stream(half)]), recorder, call_timeout_s=SOON, stream=True
    )

    assert recorder.calls[0].output_tokens == len("word " * 40) // 4


async def test_a_run_that_takes_too_long_says_that_it_was_the_run() -> None:
    recorder = Recorder()

    found = await failure(plain_agent, ScriptedModel([ModelStep.respond(never)]), recorder, timeout_s=SOON)

    assert found.code is Code.MODEL_TIMEOUT
    assert "the run did not end within 0.02 s" in found.message
    assert [call.state for call in recorder.calls] == ["unknown"]


async def test_a_run_without_time_asks_nobody() -> None:
    model = ScriptedModel([])

    found = await failure(plain_agent, model, Recorder(), timeout_s=0.0)

    assert found.code is Code.MODEL_TIMEOUT
    assert model.calls == ()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_cancelled_run_has_told_its_calls(stream: bool) -> None:
    asked = asyncio.Event()

    async def wait(_call: Any) -> Any:
        asked.set()
        await asyncio.Event().wait()

    script: list[Any] = [[function_call("stuck", "{", call_id="c1")], ModelStep.respond(wait)]
    recorder = Recorder()
    order = order_for(spec_of(stuck_agent), stream=stream)
    task = asyncio.create_task(runner_on(ScriptedModel(script)).run(order, recorder))
    await asyncio.wait_for(asked.wait(), 5)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert [call.call_id for call in recorder.calls] == ["run-1/m0.1", "run-1/m1.1"]
    assert recorder.calls[1].state == "unknown"


class NeverClosed(ScriptedModel):
    """Answers, and does not close its stream."""

    def __init__(self, *steps: Any) -> None:
        super().__init__(list(steps))
        self.answered = asyncio.Event()

    async def stream_response(self, *args: Any, **named: Any) -> Any:
        async for event in super().stream_response(*args, **named):
            yield event
        self.answered.set()
        await asyncio.Event().wait()


async def test_what_a_run_was_answered_when_it_is_cut_off_is_not_asked_for_again() -> None:
    model, journal = NeverClosed([assistant_message("paid for")]), MemoryJournal()
    order = order_for(spec_of(plain_agent), stream=True, journal=journal)
    task = asyncio.create_task(runner_on(model).run(order, Recorder()))
    await asyncio.wait_for(model.answered.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    result = await run_agent(plain_agent, ScriptedModel([]), journal=journal.resumed(), attempt=2)

    assert result.output == "paid for"


class HangsUp(ScriptedModel):
    """Answers, and ends its stream with an error."""

    async def stream_response(self, *args: Any, **named: Any) -> Any:
        async for event in super().stream_response(*args, **named):
            yield event
        raise ConnectionError("reset by peer")


async def test_an_answer_that_came_whole_is_one_however_its_connection_ended() -> None:
    model, recorder = HangsUp([[assistant_message("paid for")]]), Recorder()

    result = await run_agent(plain_agent, model, recorder, stream=True, journal=MemoryJournal())

    assert result.output == "paid for"
    assert len(recorder.calls) == 1


async def test_a_call_that_is_cut_off_before_its_answer_is_whole_is_unknown() -> None:
    recorder, journal = Recorder(), MemoryJournal()
    model = ScriptedModel([ModelStep.stream(half)])
    task = asyncio.create_task(
        runner_on(model).run(order_for(spec_of(plain_agent), stream=True, journal=journal), recorder)
    )
    while not recorder.told("text"):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert [call.state for call in calls_of(journal.entries)] == ["unknown"]


@pytest.mark.parametrize(
    ("tool", "told"),
    [
        ("stuck", "timed out after 0.02 seconds"),
        ("stuck_by_itself", "timed out after 0.02 seconds"),
        ("stuck_politely", "try later"),
        ("slow_thread", "timed out after 0.02 seconds"),
    ],
)
async def test_a_tool_that_takes_too_long_is_told_to_the_model(tool: str, told: str) -> None:
    model = ScriptedModel([[function_call(tool, {}, call_id="c1")], [assistant_message("sorry")]])
    recorder = Recorder()

    result = await run_agent(stuck_agent, model, recorder, tool_timeout_s=SOON, stream=True)

    assert result.output == "sorry"
    assert told in str(result.new_items)
    ((_, data),) = recorder.told("tool_returned")
    assert data["ok"] is False


async def test_a_tool_whose_timeout_is_final() -> None:
    model = ScriptedModel([[function_call("stuck_for_good", {}, call_id="c1")]])

    found = await failure(stuck_agent, model, Recorder())

    assert found.code is Code.TOOL_FAILED
    assert ToolTimeoutError.__name__ in found.message


async def test_an_agent_used_as_a_tool_is_not_limited_like_a_tool() -> None:
    async def a_while(_call: Any) -> Any:
        await asyncio.sleep(3 * SOON)
        return [assistant_message("inner")]

    def nested() -> Agent[Any]:
        return plain_agent(tools=[Agent[Any](name="inner").as_tool("ask_inner", "Asks.")])

    call = [function_call("ask_inner", {"input": "?"}, call_id="c1")]
    model = ScriptedModel([call, ModelStep.respond(a_while), [assistant_message("outer")]])

    result = await run_agent(nested, model, tool_timeout_s=SOON)

    assert "inner" in str(result.new_items)
    assert result.output == "outer"


async def test_slow_calls_and_runs_are_warned_of_once_each() -> None:
    recorder = Recorder()

    await failure(
        plain_agent,
        ScriptedModel([ModelStep.respond(never)]),
        recorder,
        warn_after_s=SOON,
        timeout_s=5 * SOON,
    )

    assert sorted((notice.what, notice.agent, notice.call_id) for notice in recorder.slow) == [
        ("model_call", "plain", "run-1/m0.1"),
        ("run", "plain", None),
    ]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_run_that_ended_leaves_no_timer_behind(stream: bool) -> None:
    await run_agent(plain_agent, ScriptedModel([[assistant_message("hi")]]), stream=stream)

    timers: list[asyncio.TimerHandle] = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]  # its own list
    assert [timer for timer in timers if not timer.cancelled()] == []
