"""What stops a run stops all of it: no tool's result hides it, and nothing more is asked."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, GuardrailFunctionOutput, InputGuardrail, RunContextWrapper, Runner, function_tool
from agents.testing import assistant_message, function_call

from agents_defs.journal_entries import CALL, calls_of, place_of
from agents_defs.nested_run import ask
from agents_defs.run_journal import RunHandedOver, RunLost
from agents_defs.run_order import RunResult
from agents_defs.run_scope import SCOPE
from schemas.failures import Code, RunFailure
from tests.doubles.history_model import HistoryModel, results
from tests.doubles.memory_journal import MemoryJournal
from tests.doubles.recorded_runs import Recorder, order_for, runner_on, spec_of

INNER = Agent[Any](name="inner", instructions="inner")
SALT: list[str] = []


@function_tool
async def ask_inner(context: RunContextWrapper[Any]) -> str:
    """Asks an agent, and makes the best of its failure."""
    try:
        return str(await ask(context, INNER, "?"))
    except Exception as error:  # noqa: BLE001  as careless authors do
        return f"never mind {error}"


@function_tool
async def stream_inner() -> str:
    """Streams an agent."""
    scope, inner = SCOPE.get(), Agent[Any](name="inner", instructions="inner")
    assert scope is not None
    scope.run.prepare(inner)
    streamed = Runner.run_streamed(inner, "?")
    async for _ in streamed.stream_events():
        pass
    return str(streamed.final_output)


async def careless(context: Any, _agent: Any, asked: Any) -> GuardrailFunctionOutput:
    try:
        said = await ask(context, INNER, asked)
    except Exception as error:  # noqa: BLE001  as careless authors do
        said = str(error)
    return GuardrailFunctionOutput(output_info=said, tripwire_triggered=False)


async def salted(_context: Any, _agent: Any) -> str:
    return f"outer {SALT[0]}" if SALT else "outer"


def answers(instructions: str | None, asked: list[Any]) -> list[Any]:
    if instructions == "inner":
        return [assistant_message("inner says")]
    had = results(asked)
    if len(had) == 3:
        return [assistant_message("; ".join(sorted(had)))]
    wanted = [("ask_inner", {}), ("tell_inner", {"input": "?"}), ("stream_inner", {})]
    return [function_call(name, arguments, call_id=name) for name, arguments in wanted]


def outer() -> Agent[Any]:
    inner = Agent[Any](name="inner", instructions="inner")
    return Agent(
        name="outer",
        instructions=salted,
        tools=[ask_inner, stream_inner, inner.as_tool("tell_inner", "Tells.")],
        input_guardrails=[InputGuardrail(careless)],
    )


async def run(
    journal: MemoryJournal, attempt: int = 1, model: HistoryModel | None = None, **changes: Any
) -> RunResult:
    limits = {name: changes.pop(name) for name in ("on_unknown_call",) if name in changes}
    spec = spec_of(outer, **limits)
    order = order_for(spec, journal=journal, attempt=attempt, paid=calls_of(journal.entries), **changes)
    return await runner_on(model or HistoryModel(answers)).run(order, changes.get("recorder") or Recorder())


@pytest.mark.parametrize("stream", [False, True])
async def test_a_lost_run_is_lost_wherever_it_is_noticed(stream: bool) -> None:
    whole = MemoryJournal()
    result = await run(whole, stream=stream)
    assert result.output == "inner says; inner says; inner says"

    for write in range(1, whole.writes + 1):
        journal = MemoryJournal(fail_before=write)
        with pytest.raises(RunLost):
            await run(journal, stream=stream)

        assert journal.writes < write + 6  # what ran beside it found out for itself, at most
        again = await run(journal.resumed(), 2, stream=stream)
        assert again.output == result.output


async def test_a_journal_that_fails_ends_the_run_as_our_fault() -> None:
    for write in range(1, 12):
        with pytest.raises(RunFailure) as caught:
            await run(MemoryJournal(fail_before=write, error=OSError("disk")))

        assert caught.value.code is Code.INTERNAL
        assert "disk" in caught.value.message


async def test_a_run_is_handed_over_between_its_turns() -> None:
    journal = MemoryJournal(hand_over=RunHandedOver("the worker ends"))
    model = HistoryModel(answers)

    with pytest.raises(RunHandedOver):
        await run(journal, model=model)

    assert journal.ended == [0]
    assert "run-1/m1.1" not in model.asked
    left, second = journal.resumed(), HistoryModel(answers)
    await run(left, 2, second)
    assert second.asked == ["run-1/m1.2"]


async def test_a_turn_has_ended_when_its_tools_are_recorded() -> None:
    journal = MemoryJournal()
    seen: list[set[str]] = []

    class Watched(MemoryJournal):
        async def turn_ended(self, turn: int) -> None:
            seen.append({name for name in self.entries if name.startswith("t:")})
            await super().turn_ended(turn)

    journal = Watched()
    await run(journal)

    assert journal.ended == [0]
    assert seen == [{"t:t:ask_inner", "t:t:tell_inner", "t:t:stream_inner"}]


async def test_an_agent_that_asks_something_else_is_not_taken_for_the_same() -> None:
    journal = MemoryJournal()
    await run(journal)
    SALT.append("changed")
    try:
        with pytest.raises(RunFailure) as caught:
            await run(journal.resumed(), 2)
    finally:
        SALT.clear()

    assert caught.value.code is Code.NONDETERMINISTIC_REPLAY
    assert "the agent outer asked something else at m0" in caught.value.message


async def test_also_below_a_tool_that_would_hide_it() -> None:
    journal = MemoryJournal()
    await run(journal)
    entries = {name: entry for name, entry in journal.entries.items() if not name.startswith("t:")}
    name = "m:t:tell_inner/m0"
    entries[name] = entries[name].replace(b'"digest":"', b'"digest":"x')

    with pytest.raises(RunFailure) as caught:
        await run(MemoryJournal(entries=entries), 2)

    assert caught.value.code is Code.NONDETERMINISTIC_REPLAY


def in_flight(place: str) -> Any:
    async def cut() -> MemoryJournal:
        """The journal of an attempt whose worker died while this call was under way."""
        whole = MemoryJournal()
        await run(whole)
        for write in range(1, whole.writes + 1):
            journal = MemoryJournal(fail_after=write)
            with pytest.raises(RunLost):
                await run(journal)
            name = f"{CALL}run-1/{place}.1"
            if name in journal.entries and f"m:{place}" not in journal.entries:
                return journal.resumed()
        raise AssertionError(place)

    return cut


@pytest.mark.parametrize("place", ["m0", "m1", "t:tell_inner/m0", "g:careless/a0:inner/m0"])
async def test_a_call_in_flight_at_a_crash_is_asked_again_and_stays_booked(place: str) -> None:
    left, model = await in_flight(place)(), HistoryModel(answers)

    result = await run(left, 2, model)

    assert f"run-1/{place}.2" in model.asked
    found = {call.call_id: call.state for call in result.calls}
    assert found[f"run-1/{place}.1"] == "unknown"
    assert found[f"run-1/{place}.2"] == "settled"


@pytest.mark.parametrize("place", ["m0", "m1", "t:tell_inner/m0", "g:careless/a0:inner/m0"])
async def test_or_ends_the_run_where_the_agent_says_so(place: str) -> None:
    left, model = await in_flight(place)(), HistoryModel(answers)

    with pytest.raises(RunFailure) as caught:
        await run(left, 2, model, on_unknown_call="fail")

    assert caught.value.code is Code.UNKNOWN_CALL
    open_ones = [place_of(call.call_id) for call in calls_of(left.entries) if call.state == "unknown"]
    assert any(f"{one}.1 was in flight" in caught.value.message for one in open_ones)
    assert f"run-1/{place}.2" not in model.asked


async def test_an_unknown_call_is_an_estimate_of_what_was_sent() -> None:
    left = await in_flight("m1")()

    unknown = [call for call in calls_of(left.entries) if call.state == "unknown"]

    assert [call.call_id for call in unknown] == ["run-1/m1.1"]
    assert 50 < unknown[0].input_tokens < 2_000
    assert unknown[0].output_tokens == 0
