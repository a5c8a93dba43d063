"""Tool calls that a person decides about."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from agents import Agent, RunContextWrapper, function_tool
from agents.testing import assistant_message, function_call

from agents_defs.approvals import arguments_digest
from agents_defs.journal_entries import calls_of
from agents_defs.nested_run import ask
from agents_defs.recovery import Recovery
from agents_defs.run_journal import ApprovalRequest, Decision, RunLost, RunNeedsApproval
from agents_defs.run_order import RunResult
from schemas.failures import Code, RunFailure
from tests.doubles.hand_clock import START_AT, HandClock
from tests.doubles.history_model import HistoryModel, results
from tests.doubles.memory_journal import MemoryJournal
from tests.doubles.recorded_runs import Recorder, order_for, runner_on, spec_of

RAN: list[str] = []


@function_tool(needs_approval=True)
async def refund(order: int) -> str:
    """Pays back."""
    RAN.append(f"refund {order}")
    return f"refunded {order}"


@function_tool
async def look(order: int) -> str:
    """Looks."""
    RAN.append(f"look {order}")
    return f"order {order}"


@function_tool
async def ask_clerk(context: RunContextWrapper[Any]) -> str:
    """Asks an agent that refunds."""
    return str(await ask(context, clerk(), "refund"))


def clerk() -> Agent[Any]:
    return Agent(name="clerk", instructions="one", tools=[refund, look])


def agent(wants: str) -> Any:
    return lambda: Agent(
        name="desk",
        instructions=wants,
        tools=[refund, look, ask_clerk, clerk().as_tool("tell_clerk", "Tells.")],
    )


def answers(instructions: str | None, asked: list[Any]) -> list[Any]:
    had = results(asked)
    if had:
        return [assistant_message(f"{instructions}: {'; '.join(had)}")]
    one = function_call("refund", {"order": 7}, call_id="c7")
    match instructions:
        case "one":
            return [one]
        case "two":
            return [one, function_call("refund", {"order": 8}, call_id="c8")]
        case "mixed":
            return [function_call("look", {"order": 1}, call_id="c1"), one]
        case "other":
            return [function_call("refund", {"order": 9}, call_id="c7")]
    arguments = {"input": "?"} if instructions == "tell_clerk" else {}
    return [function_call(str(instructions), arguments, call_id="c0")]


class Desk:
    """The attempts of one run."""

    def __init__(self, wants: str = "one") -> None:
        RAN.clear()
        self.wants = wants
        self.journal = MemoryJournal()
        self.model = HistoryModel(answers)
        self.recorder = Recorder()
        self.decisions: dict[str, Decision] = {}
        self.attempts = 0
        self.clock = HandClock()

    async def run(self, **changes: Any) -> RunResult:
        self.attempts += 1
        self.journal = self.journal.resumed()
        self.recorder = Recorder()
        values = {
            "journal": self.journal,
            "attempt": self.attempts,
            "paid": calls_of(self.journal.entries),
            "decisions": self.decisions,
            "stream": True,
        }
        runner = runner_on(self.model, Recovery(at=self.clock.at))
        return await runner.run(order_for(spec_of(agent(self.wants)), **{**values, **changes}), self.recorder)

    async def waits(self, **changes: Any) -> tuple[ApprovalRequest, ...]:
        with pytest.raises(RunNeedsApproval) as caught:
            await self.run(**changes)
        return caught.value.requests

    def decide(self, request: ApprovalRequest, approved: bool = True, **more: Any) -> None:
        self.decisions[request.approval_id] = Decision(request.approval_id, approved, **more)


async def test_a_run_waits_and_goes_on_when_it_was_approved() -> None:
    desk = Desk()
    (request,) = await desk.waits()
    assert RAN == []
    desk.decide(request)

    result = await desk.run()

    assert result.output == "one: refunded 7"
    assert RAN == ["refund 7"]
    assert desk.model.asked == ["run-1/m0.1", "run-1/m1.2"]
    assert len(result.calls) == 2
    assert [item.get("type") for item in result.new_items[1:]] == [
        "function_call",
        "function_call_output",
        "message",
    ]


async def test_the_request_says_what_is_decided_about() -> None:
    desk = Desk()

    (request,) = await desk.waits()

    assert (request.tool, request.call_id, request.agent) == ("refund", "c7", "desk")
    assert request.arguments_digest == sha256(b'refund\n{"order":7}').hexdigest()
    assert request.valid_s == spec_of(agent("one")).approval_valid_s
    ((_, data),) = desk.recorder.told("approval_required")
    assert data == {
        "approval_id": request.approval_id,
        "tool": "refund",
        "arguments": {"order": 7},
        "arguments_digest": request.arguments_digest,
        "expires_at": "2031-05-11T03:02:01.000Z",
    }


async def test_each_attempt_asks_for_the_same_until_the_same_time() -> None:
    desk = Desk()
    first = await desk.waits()
    told = desk.recorder.told("approval_required")
    desk.clock.advance(3_600)

    second = await desk.waits()

    assert second == first
    assert desk.recorder.told("approval_required") == told
    assert desk.clock.at() == START_AT + timedelta(hours=1)


async def test_who_does_not_stream_is_told_too() -> None:
    desk = Desk()

    await desk.waits(stream=False)

    assert [(kind, turn) for kind, _, turn, _ in desk.recorder.deltas] == [("approval_required", 0)]


async def test_the_model_is_told_who_rejected_and_why() -> None:
    desk = Desk()
    (request,) = await desk.waits()
    desk.decide(request, False, actor="ann", reason="too much")

    result = await desk.run()

    assert RAN == []
    assert "ann rejected this tool call" in result.output
    assert "too much" in result.output


async def test_all_have_to_be_decided_and_only_the_open_ones_are_asked_for() -> None:
    desk = Desk("two")
    first, second = await desk.waits()
    desk.decide(first)

    (left,) = await desk.waits()

    assert left == second
    assert RAN == []
    desk.decide(second, False)
    result = await desk.run()
    assert RAN == ["refund 7"]
    assert "refunded 7; A person rejected" in result.output
    assert len(desk.model.asked) == 2


async def test_tools_beside_it_run_once() -> None:
    desk = Desk("mixed")
    (request,) = await desk.waits()
    desk.decide(request)

    result = await desk.run()

    assert result.output == "mixed: order 1; refunded 7"
    assert sorted(RAN) == ["look 1", "refund 7"]


async def test_a_decision_about_other_arguments_is_none() -> None:
    desk = Desk()
    (request,) = await desk.waits()
    desk.decide(request, arguments_digest=arguments_digest("refund", '{"order": 70}'))

    (again,) = await desk.waits()

    assert again == request
    assert RAN == []
    desk.decide(request, arguments_digest=request.arguments_digest)
    await desk.run()
    assert RAN == ["refund 7"]


def test_arguments_are_the_same_however_they_are_written() -> None:
    assert arguments_digest("t", '{"b": 1, "a": 2}') == arguments_digest("t", '{"a":2,"b":1}')
    assert arguments_digest("t", '{"a": 2}') != arguments_digest("u", '{"a": 2}')
    assert arguments_digest("t", "{no json") != arguments_digest("t", "{no jsoN")


@pytest.mark.parametrize("wants", ["ask_clerk", "tell_clerk"])
async def test_an_agent_below_the_run_waits_as_well(wants: str) -> None:
    desk = Desk(wants)
    (request,) = await desk.waits()
    assert (request.agent, RAN) == ("clerk", [])
    desk.decide(request)

    result = await desk.run()

    assert result.output == f"{wants}: one: refunded 7"
    assert RAN == ["refund 7"]
    assert len(desk.model.asked) == 4
    tools = [(kind, data["call_id"]) for kind, data in desk.recorder.told("tool_called", "tool_returned")]
    assert tools == [("tool_called", "c0"), ("tool_returned", "c0")]


@pytest.mark.parametrize("wants", ["one", "mixed", "ask_clerk", "tell_clerk"])
async def test_a_run_cut_off_after_it_was_approved_calls_no_tool_twice(wants: str) -> None:
    whole = Desk(wants)
    (request,) = await whole.waits()
    whole.decide(request)
    expected = await whole.run()

    for write in range(1, whole.journal.writes + 1):
        desk = Desk(wants)
        (request,) = await desk.waits()
        desk.decide(request)
        desk.attempts += 1
        cut = MemoryJournal(entries=dict(desk.journal.entries), fail_after=write)
        with pytest.raises(RunLost):
            await desk.run(journal=cut)
        desk.journal = cut

        result = await desk.run()

        assert result.output == expected.output
        assert sorted(set(RAN)) == sorted(RAN)


async def test_where_nothing_is_recorded_nobody_can_approve() -> None:
    with pytest.raises(RunFailure) as caught:
        await Desk().run(journal=None, paid=())

    assert caught.value.code is Code.TOOL_FAILED
    assert "nobody can give here: refund" in caught.value.message
