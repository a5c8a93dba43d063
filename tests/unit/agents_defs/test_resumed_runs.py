"""A run that is cut off right after any of its writes, and goes on from what is recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from agents import (
    Agent,
    GuardrailFunctionOutput,
    InputGuardrail,
    OutputGuardrail,
    RunContextWrapper,
    function_tool,
)
from agents.testing import assistant_message, function_call
from pydantic import BaseModel

from agents_defs.journal_entries import CALL, MODEL, calls_of, place_of
from agents_defs.nested_run import ask
from agents_defs.run_journal import RunLost
from agents_defs.run_order import RunResult
from tests.doubles.history_model import HistoryModel, results
from tests.doubles.memory_journal import MemoryJournal
from tests.doubles.recorded_runs import Recorder, order_for, runner_on, spec_of

RAN: list[str] = []
JUDGE = Agent[Any](name="judge", instructions="judge")


class Sum(BaseModel):
    total: int


@function_tool
async def add(a: int, b: int) -> int:
    """Adds."""
    RAN.append(f"add {a} {b}")
    return a + b


@function_tool
async def fail(text: str) -> str:
    """Fails."""
    RAN.append(f"fail {text}")
    raise ValueError(text)


@function_tool
async def opinion(context: RunContextWrapper[Any], text: str) -> str:
    """Asks an agent."""
    return str(await ask(context, JUDGE, text))


async def judged(context: Any, _agent: Any, asked: Any) -> GuardrailFunctionOutput:
    RAN.append("judged")
    said = await ask(context, JUDGE, asked)
    return GuardrailFunctionOutput(output_info=said, tripwire_triggered=said != "fine")


def calls(*wanted: tuple[str, dict[str, Any]]) -> list[Any]:
    return [
        function_call(name, arguments, call_id=f"{name}-{n}") for n, (name, arguments) in enumerate(wanted)
    ]


def say(text: str) -> list[Any]:
    return [assistant_message(text)]


def answers(instructions: str | None, asked: list[Any]) -> list[Any]:
    """Each agent's part in each of the scenes, told by its instructions."""
    had = [result for result in results(asked) if "assistant" not in result]  # hand-offs have one too
    match instructions:
        case "judge":
            return say("fine")
        case "adds" if len(had) < 2:
            return calls(("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4}))
        case "fails" if not had:
            return calls(("fail", {"text": "x"}))
        case "hands on":
            return calls(("transfer_to_other", {}))
        case "delegates" if not had:
            return calls(("ask_adder", {"input": "?"}), ("opinion", {"text": "?"}))
        case "types":
            return say('{"total": 10}')
    return say(f"the answer of {instructions} after {len(had)} results")


def adder() -> Agent[Any]:
    return Agent(name="adder", instructions="adds", tools=[add])


def other() -> Agent[Any]:
    return Agent(name="other", instructions="adds", tools=[add])


def guarded(parallel: bool) -> Agent[Any]:
    return Agent(
        name="guarded",
        instructions="adds",
        tools=[add],
        input_guardrails=[InputGuardrail(judged, run_in_parallel=parallel)],
        output_guardrails=[OutputGuardrail(judged)],
    )


SCENES: dict[str, Any] = {
    "plain": lambda: Agent(name="plain", instructions="says"),
    "parallel tools": adder,
    "failing tool": lambda: Agent(name="failing", instructions="fails", tools=[fail]),
    "hand-off": lambda: Agent(name="first", instructions="hands on", handoffs=[other()]),
    "agent as tool": lambda: Agent(
        name="outer", instructions="delegates", tools=[adder().as_tool("ask_adder", "Asks."), opinion]
    ),
    "guardrails": lambda: guarded(True),
    "blocking guardrails": lambda: guarded(False),
    "output type": lambda: Agent(name="typed", instructions="types", output_type=Sum),
}


@dataclass
class Attempt:
    result: RunResult | None
    asked: list[str]
    ran: list[str]
    recorder: Recorder

    @property
    def places(self) -> list[str]:
        return [place_of(call_id) for call_id in self.asked]


async def attempt(scene: str, journal: MemoryJournal | None, number: int = 1, **changes: Any) -> Attempt:
    RAN.clear()
    model, recorder = HistoryModel(answers), Recorder()
    paid = calls_of(journal.entries) if journal is not None else ()
    order = order_for(spec_of(SCENES[scene]), journal=journal, attempt=number, paid=paid, **changes)
    try:
        result = await runner_on(model).run(order, recorder)
    except RunLost:
        result = None
    return Attempt(result, model.asked, sorted(RAN), recorder)


def settled(result: RunResult | None) -> list[str]:
    assert result is not None
    return sorted(place_of(call.call_id) for call in result.calls if call.state == "settled")


scenes = pytest.mark.parametrize("scene", SCENES)
streams = pytest.mark.parametrize("stream", [False, True])


@scenes
@streams
@pytest.mark.parametrize("cut", ["fail_after", "fail_before"])
async def test_a_run_that_is_cut_off_at_any_write_ends_as_if_nothing_had_been(
    scene: str, stream: bool, cut: str
) -> None:
    whole = MemoryJournal()
    expected = await attempt(scene, whole, stream=stream)
    assert expected.result is not None

    for write in range(1, whole.writes + 1):
        journal = MemoryJournal(**{cut: write})  # type: ignore[arg-type]  # one of its two numbers
        first = await attempt(scene, journal, stream=stream)
        assert first.result is None
        left = journal.resumed()
        recorded = {f"run-1/{name[len(MODEL) :]}" for name in left.entries if name.startswith(MODEL)}

        second = await attempt(scene, left, 2, stream=stream)

        assert second.result is not None
        assert second.result.output == expected.result.output
        assert second.result.new_items == expected.result.new_items
        assert second.result.turns == expected.result.turns
        assert not recorded & set(second.places)
        assert settled(second.result) == settled(expected.result)
        assert {name for name in left.entries if not name.startswith(CALL)} == {
            name for name in whole.entries if not name.startswith(CALL)
        }
        assert sorted(calls_of(left.entries), key=repr) == sorted(second.result.calls, key=repr)


@scenes
async def test_a_finished_run_replays_without_a_call_or_a_tool(scene: str) -> None:
    journal = MemoryJournal()
    first = await attempt(scene, journal)

    second = await attempt(scene, journal.resumed(), 2)

    assert first.result is not None
    assert second.result is not None
    assert (second.asked, second.ran, second.recorder.calls) == ([], [], [])
    assert second.result.output == first.result.output
    assert sorted(second.result.calls, key=repr) == sorted(first.result.calls, key=repr)


@scenes
@streams
async def test_a_journal_changes_nothing_of_a_run(scene: str, stream: bool) -> None:
    without = await attempt(scene, None, stream=stream)
    with_one = await attempt(scene, MemoryJournal(), stream=stream)

    assert without.result is not None
    assert with_one.result is not None
    assert with_one.result.output == without.result.output
    assert with_one.result.new_items == without.result.new_items
    assert sorted(with_one.recorder.deltas, key=repr) == sorted(without.recorder.deltas, key=repr)
