"""What a resumed run tells its readers: nothing twice of what is out, and all of the rest."""

from __future__ import annotations

from typing import Any

from agents import Agent, function_tool
from agents.testing import assistant_message, function_call

from tests.doubles.history_model import HistoryModel, results
from tests.doubles.memory_journal import MemoryJournal
from tests.doubles.recorded_runs import Recorder, order_for, runner_on, spec_of


@function_tool
async def look() -> str:
    """Looks."""
    return "seen"


def answers(instructions: str | None, asked: list[Any]) -> list[Any]:
    had = results(asked)
    if instructions == "first":
        if not had:
            return [assistant_message("let me look"), function_call("look", {}, call_id="c1")]
        return [assistant_message("not mine"), function_call("transfer_to_second", {}, call_id="c2")]
    return [assistant_message("all is well")]


def agent() -> Agent[Any]:
    second = Agent[Any](name="second", instructions="second")
    return Agent(name="first", instructions="first", tools=[look], handoffs=[second])


async def run(journal: MemoryJournal, attempt: int = 1, **changes: Any) -> Recorder:
    recorder = Recorder()
    order = order_for(spec_of(agent), journal=journal, attempt=attempt, stream=True, **changes)
    await runner_on(HistoryModel(answers)).run(order, recorder)
    return recorder


def joined(recorder: Recorder) -> list[Any]:
    """Texts of a turn in one piece, as a replay tells them."""
    found: list[Any] = []
    for kind, data, turn, at_char in recorder.deltas:
        if kind == "text" and found and found[-1][0] == "text" and found[-1][2] == turn:
            found[-1] = ("text", {"text": found[-1][1]["text"] + data["text"]}, turn, found[-1][3])
        else:
            found.append((kind, data, turn, at_char))
    return found


async def recorded() -> tuple[MemoryJournal, list[Any]]:
    journal = MemoryJournal()
    live = await run(journal)
    return journal.resumed(), joined(live)


async def test_a_live_run_tells_three_turns() -> None:
    _, live = await recorded()

    assert [(kind, turn, at_char) for kind, _, turn, at_char in live] == [
        ("text", 0, 0),
        ("tool_called", 0, 11),
        ("tool_returned", 0, 11),
        ("text", 1, 0),
        ("agent_changed", 2, 0),
        ("text", 2, 0),
    ]


async def test_recorded_turns_of_which_nothing_is_out_are_told_whole() -> None:
    left, live = await recorded()

    again = await run(left, 2)

    assert again.deltas == live


async def test_of_turns_that_are_out_nothing_is_told_again() -> None:
    left, live = await recorded()

    for out in range(4):
        again = await run(left, 2, turns_out=out)

        assert again.deltas == [told for told in live if told[2] >= out]


async def test_a_turn_that_is_asked_anew_follows_on_those_that_are_out() -> None:
    left, live = await recorded()
    del left.entries["m:m2"]

    again = await run(left, 2, turns_out=2)

    assert joined(again) == [told for told in live if told[2] == 2]
