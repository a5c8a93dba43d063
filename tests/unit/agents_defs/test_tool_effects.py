"""What a tool declares about being called twice, and what comes of it after a crash."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
from agents import Agent, FunctionTool, RunContextWrapper, function_tool
from agents.testing import assistant_message, function_call

from agents_defs.run_journal import RunLost
from agents_defs.run_order import RunResult
from agents_defs.tool_effects import at_least_once, at_most_once, effect_of, idempotency_key, idempotent
from schemas.failures import Code, RunFailure
from tests.doubles.history_model import HistoryModel, results
from tests.doubles.memory_journal import MemoryJournal
from tests.doubles.recorded_runs import Recorder, order_for, runner_on, spec_of

KEYS: list[str] = []


async def pay(context: RunContextWrapper[Any], amount: int) -> str:
    """Pays."""
    KEYS.append(idempotency_key(context))
    return f"paid {amount}"


def answers(_instructions: str | None, asked: list[Any]) -> list[Any]:
    had = results(asked)
    if had:
        return [assistant_message("; ".join(had))]
    return [function_call("pay", {"amount": n}, call_id=f"c{n}") for n in (1, 2)]


async def run(tool: FunctionTool, journal: MemoryJournal, attempt: int = 1, **changes: Any) -> RunResult:
    spec = spec_of(lambda: Agent(name="payer", tools=[tool]))
    order = order_for(spec, journal=journal, attempt=attempt, **changes)
    return await runner_on(HistoryModel(answers)).run(order, Recorder())


async def cut_off(tool: FunctionTool, before_entry: str) -> MemoryJournal:
    """The journal of an attempt that ended before it wrote this entry."""
    KEYS.clear()
    whole = MemoryJournal()
    await run(tool, whole)
    for write in range(1, whole.writes + 1):
        KEYS.clear()
        journal = MemoryJournal(fail_before=write)
        with pytest.raises(RunLost):
            await run(tool, journal)
        if KEYS and before_entry not in journal.entries:
            return journal.resumed()
    raise AssertionError(f"{before_entry} is never written after a call")


@pytest.mark.parametrize("declare", [idempotent, at_least_once, lambda tool: tool])
async def test_a_tool_that_may_be_called_again_is_called_again(declare: Any) -> None:
    tool = declare(function_tool(pay))
    journal = await cut_off(tool, "t:t:c1")
    before = len(KEYS)

    result = await run(tool, journal, 2)

    assert result.output == "paid 1; paid 2"
    assert len(KEYS) > before


async def test_a_tool_that_must_not_be_called_twice_ends_the_run() -> None:
    tool = at_most_once(function_tool(pay))
    journal = await cut_off(tool, "t:t:c1")
    called = len(KEYS)

    with pytest.raises(RunFailure) as caught:
        await run(tool, journal, 2)

    assert caught.value.code is Code.UNKNOWN_CALL
    assert "the tool pay was being called at t:c1/" in caught.value.message
    assert len(KEYS) == called


async def test_its_recorded_result_is_taken() -> None:
    tool, journal = at_most_once(function_tool(pay)), MemoryJournal()
    KEYS.clear()
    await run(tool, journal)

    result = await run(tool, journal.resumed(), 2)

    assert result.output == "paid 1; paid 2"
    assert len(KEYS) == 2


async def test_without_a_journal_it_is_called() -> None:
    spec = spec_of(lambda: Agent(name="payer", tools=[at_most_once(function_tool(pay))]))

    result = await runner_on(HistoryModel(answers)).run(order_for(spec), Recorder())

    assert result.output == "paid 1; paid 2"


async def test_the_key_of_a_call_is_its_own_and_the_same_in_each_attempt() -> None:
    tool = function_tool(pay)
    KEYS.clear()
    await run(tool, MemoryJournal())
    first = set(KEYS)
    KEYS.clear()
    await run(tool, MemoryJournal(), 2)
    second = set(KEYS)
    KEYS.clear()
    await run(tool, MemoryJournal(), run_id="run-2")

    assert len(first) == 2
    assert second == first
    assert not set(KEYS) & first
    assert all(len(key) == 32 for key in KEYS)


def test_copies_know_the_effect() -> None:
    tool = at_most_once(function_tool(pay))

    copies = [tool, copy.copy(tool), dataclasses.replace(tool, name="wire"), idempotent(tool)]

    assert [effect_of(each) for each in copies] == ["at_most_once"] * 3 + ["idempotent"]
    assert effect_of(function_tool(pay)) == "at_least_once"


async def test_a_declared_tool_words_its_failures_itself() -> None:
    def pay_badly() -> str:
        raise ValueError("no")

    tool = at_most_once(
        function_tool(pay_badly, name_override="pay", failure_error_function=lambda _c, _e: "not today")
    )

    result = await run(tool, MemoryJournal())

    assert result.output == "not today; not today"


def test_the_order_of_decorators_is_checked() -> None:
    with pytest.raises(TypeError, match="above @function_tool"):
        at_most_once(pay)  # type: ignore[arg-type]  # that is the mistake
