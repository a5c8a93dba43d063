"""The stream of the testing kit: what goes in, what comes out, and what happens in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from threading import Event
from typing import Any

import pytest
from agents import Agent, function_tool

from agents_defs.agent_spec import AgentSpec
from agents_defs.prices import Rates
from agents_defs.testing.scripted_model import ScriptedModel
from app.testing.stream import StreamTest
from tests.unit.testing.gauging import CLERK, GAUGE


@function_tool
def measure() -> str:
    """Takes its time, in a thread."""
    Event().wait(0.1)
    return "4.2 m"


@pytest.fixture(name="stream")
def with_agents(stream_test: StreamTest) -> StreamTest:
    return stream_test.register(GAUGE, CLERK)


async def test_a_run_is_told_answered_and_booked(stream: StreamTest, scripted_model: ScriptedModel) -> None:
    scripted_model.calls("water_level", {"place": "Linz"}).says("It is ", "4.2 m.", tokens=(30, 4))

    await stream.send("gauge", "How high?", stream=True, tenant_id="acme")
    await stream.settle()

    assert stream.response("r-1").completed().text == "It is 4.2 m."
    assert stream.reader("r-1").text == "It is 4.2 m."
    assert [one["kind"] for one in stream.deltas] == ["tool_called", "tool_returned", "text", "text", "end"]
    assert [(one["input_tokens"], one["output_tokens"]) for one in stream.usage] == [(100, 10), (30, 4)]
    assert (stream.dead_letters, stream.audits, stream.parked) == ([], [], {})


async def test_an_object_is_answered(stream: StreamTest, scripted_model: ScriptedModel) -> None:
    scripted_model.answers({"metres": 4.2})

    await stream.send("clerk", "How high?")
    await stream.settle()

    assert stream.response("r-1").completed().output == {"metres": 4.2}
    with pytest.raises(AssertionError, match=r"its output is no text but \{'metres': 4.2\}"):
        _ = stream.response("r-1").text


async def test_a_session_remembers(stream: StreamTest, scripted_model: ScriptedModel) -> None:
    scripted_model.says("4.2 m").says("As I said.")

    await stream.send("gauge", "How high?", session_id="s-1")
    await stream.send("gauge", "And now?", session_id="s-1")
    await stream.settle()

    assert "How high?" in scripted_model.asked[1].text
    assert [one.text for one in stream.responses] == ["4.2 m", "As I said."]


async def test_an_approval_is_given_after_a_crash(stream: StreamTest, scripted_model: ScriptedModel) -> None:
    scripted_model.calls("open_gate", {"number": 3}).says("Open.")

    await stream.send("gauge", "Open gate 3.")
    await stream.settle()
    with pytest.raises(
        AssertionError, match=r"waits for approval of open_gate: await stream.approve\('r-1'\)"
    ):
        stream.response("r-1")
    await stream.crash()
    await stream.approve("r-1", actor="anna")

    assert stream.response("r-1").text == "Open."
    assert "gate 3 is open" in scripted_model.asked[1].text
    assert [(one["action"], one["actor"]) for one in stream.audits][-1] == ("approve", "anna")
    assert len({one["call_id"] for one in stream.usage}) == len(stream.usage) == 2


async def test_a_rejection_is_told_to_the_model(stream: StreamTest, scripted_model: ScriptedModel) -> None:
    scripted_model.calls("open_gate", {"number": 3}).says("Not open.")
    await stream.send("gauge", "Open gate 3.")
    await stream.settle()

    await stream.reject("r-1", reason="it rains", actor="anna")

    assert stream.response("r-1").text == "Not open."
    assert "it rains" in scripted_model.asked[1].text


@pytest.mark.parametrize(
    ("tool", "problem"),
    [(None, "waits for several approvals, of open_gate, open_gate: say tool"), ("dig", "no approval of dig")],
)
async def test_which_approval_is_meant_has_to_be_clear(
    stream: StreamTest, scripted_model: ScriptedModel, tool: str | None, problem: str
) -> None:
    scripted_model.calls([("open_gate", {"number": 3}), ("open_gate", {"number": 4})])
    await stream.send("gauge", "Open all gates.")
    await stream.settle()

    with pytest.raises(AssertionError, match=problem):
        await stream.approve("r-1", tool=tool)


async def test_agents_ask_each_other(stream: StreamTest, scripted_model: ScriptedModel) -> None:
    scripted_model.says("The clerk knows.", when="metres")
    scripted_model.calls("ask_clerk", {"question": "How high?"}, when="You tell water levels.")
    scripted_model.answers({"metres": 4.2}, when="You are the clerk.")

    await stream.send("gauge", "Ask the clerk.")
    await stream.settle()

    assert stream.response("r-1").text == "The clerk knows."
    assert {one.record.agent for one in stream.responses} == {"gauge", "clerk"}


async def test_a_crash_pays_nothing_twice(stream: StreamTest, scripted_model: ScriptedModel) -> None:
    scripted_model.calls("water_level", {"place": "Linz"}).says("4.2 m", pause_s=60)
    await stream.send("gauge", "How high?")
    await stream.settle()

    await stream.crash()
    await stream.settle()
    stream.advance(60)
    await stream.settle()

    assert stream.response("r-1").text == "4.2 m"
    assert stream.response("r-1").record.attempts == 2
    assert [one["state"] for one in stream.usage] == ["settled", "unknown", "settled"]
    assert len(scripted_model.asked) == 3


async def test_time_passes_by_hand(stream: StreamTest, scripted_model: ScriptedModel) -> None:
    scripted_model.fails(429, retry_after_s=2).says("4.2 m")
    await stream.send("gauge", "How high?")
    await stream.settle()

    stream.advance(1.9)
    await stream.settle()
    with pytest.raises(AssertionError, match=r"it waits for time to pass, by stream.advance\(seconds\)"):
        stream.response("r-1")
    stream.advance(0.1)
    await stream.settle()

    assert stream.response("r-1").text == "4.2 m"


async def test_a_long_pause_takes_the_run_off_the_worker_and_back(
    stream: StreamTest, scripted_model: ScriptedModel
) -> None:
    scripted_model.fails(429, retry_after_s=60).says("4.2 m")
    await stream.send("gauge", "How high?")
    await stream.settle()
    assert stream.parked["r-1"].reason == "retry"

    stream.advance(61)
    await stream.settle()

    assert stream.response("r-1").text == "4.2 m"


async def test_a_failure_is_a_dead_letter(stream: StreamTest, scripted_model: ScriptedModel) -> None:
    scripted_model.fails(401)

    await stream.send("gauge", "How high?")
    await stream.settle()

    assert stream.response("r-1").failed_with("model_rejected").code == "model_rejected"
    assert [one["code"] for one in stream.dead_letters] == ["model_rejected"]
    with pytest.raises(AssertionError, match=r"r-1 failed with model_rejected: .*; expected: completed"):
        stream.response("r-1").completed()


async def test_a_plan_limits_a_tenant_until_time_has_passed(
    stream: StreamTest, scripted_model: ScriptedModel
) -> None:
    once_a_minute = [{"what": "requests", "per": "minute", "limit": 1}]
    stream.plan("acme", limits=once_a_minute, over_limit="refuse")
    scripted_model.says("4.2 m").says("4.3 m")

    await stream.send("gauge", "How high?")
    await stream.send("gauge", "And now?")
    await stream.settle()
    stream.advance(120)
    await stream.send("gauge", "And then?")
    await stream.settle()

    assert [stream.response(f"r-{number}").status for number in (1, 3)] == ["completed", "completed"]
    stream.response("r-2").refused_with("limit_requests")
    with pytest.raises(
        AssertionError, match=r"with limit_requests: .* s\); expected: refused with limit_tok"
    ):
        stream.response("r-2").refused_with("limit_tokens")


async def test_a_tenant_is_paused_and_resumed(stream: StreamTest, scripted_model: ScriptedModel) -> None:
    scripted_model.says("4.2 m")
    await stream.pause("acme")
    await stream.send("gauge", "How high?")
    await stream.settle()
    with pytest.raises(AssertionError, match="r-1 has no response yet: it waits for paused"):
        stream.response("r-1")

    await stream.resume("acme")

    assert stream.response("r-1").text == "4.2 m"


async def test_a_request_is_cancelled(stream: StreamTest, scripted_model: ScriptedModel) -> None:
    scripted_model.says("4.2 m", pause_s=60)
    await stream.send("gauge", "How high?")
    await stream.settle()

    await stream.cancel("r-1", actor="anna")

    assert "cancelled by anna" in repr(stream.response("r-1").cancelled())


async def test_tokens_have_a_price(stream: StreamTest, scripted_model: ScriptedModel) -> None:
    scripted_model.says("4.2 m")
    stream.rates = Rates("test", input=((0, Decimal(10)),), output=((0, Decimal(100)),))

    await stream.send("gauge", "How high?")
    await stream.settle()

    assert stream.response("r-1").record.usage.cost_usd == Decimal("0.002")


async def test_a_version_that_is_registered_is_replaced_by_the_test_s(
    stream_test: StreamTest, scripted_model: ScriptedModel
) -> None:
    newest = max(version for name, version in stream_test._specs if name == "support")
    scripted_model.says("4.2 m")

    stream_test.register(replace(GAUGE, name="support", version=newest))
    await stream_test.send("support", "How high?")
    await stream_test.settle()

    assert scripted_model.asked[0].instructions == "You tell water levels."
    with pytest.raises(AssertionError, match="register agents before the first request is sent"):
        stream_test.register(CLERK)


async def test_a_request_that_nobody_sent_has_no_response(stream: StreamTest) -> None:
    with pytest.raises(AssertionError, match=r"r-9 has no response; answered: none. Did you"):
        stream.response("r-9")


async def test_what_never_ends_is_told(
    stream: StreamTest, scripted_model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def for_ever(*_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("app.testing.stream.PATIENCE_S", 0.1)
    monkeypatch.setattr(ScriptedModel, "_next", for_ever)
    await stream.send("gauge", "How high?")

    with pytest.raises(AssertionError, match=r"after 0.1 s still under way: \['r-1'\]"):
        await stream.settle()


async def test_a_reader_survives_a_crash(stream: StreamTest, scripted_model: ScriptedModel) -> None:
    scripted_model.calls("water_level", {"place": "Linz"}).says("4.2 ", "m", pause_s=60)
    await stream.send("gauge", "How high?", stream=True)
    await stream.settle()

    await stream.crash()
    await stream.settle()
    stream.advance(60)
    await stream.settle()

    assert stream.reader("r-1").text == "4.2 m"
    assert "superseded" in stream.reader("r-1").kinds


async def test_a_changed_plan_holds_for_who_waits(stream: StreamTest, scripted_model: ScriptedModel) -> None:
    stream.plan("acme", concurrency={"runs": 1})
    scripted_model.says("4.2 m", pause_s=60).says("4.3 m")
    await stream.send("gauge", "How high?")
    await stream.send("gauge", "And now?")
    await stream.settle()
    with pytest.raises(AssertionError, match="r-2 has no response"):
        stream.response("r-2")

    stream.plan("acme", concurrency={"runs": 2})
    await stream.settle()

    assert stream.response("r-2").text == "4.3 m"


async def test_a_tool_in_a_thread_is_waited_for(stream: StreamTest, scripted_model: ScriptedModel) -> None:
    scripted_model.calls("measure", {}).says("4.2 m")

    def build() -> Agent[Any]:
        return Agent(name="slow", instructions="You measure.", tools=[measure])

    await stream.register(AgentSpec("slow", 1, build)).send("slow", "How high?")
    await stream.settle()

    assert stream.response("r-1").text == "4.2 m"
