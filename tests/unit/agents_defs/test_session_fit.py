"""What a run is told of a long session: what fits, with calls and their results together; or all in short."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from agents import Agent
from agents.testing import assistant_message

from agents_defs.memory.history import as_text, cuts_of, suffix_within, tokens_of, with_calls
from agents_defs.memory.memory_spec import MemorySpec
from agents_defs.run_journal import RunLost
from agents_defs.run_order import RunResult
from agents_defs.session_fit import IN_SHORT
from schemas.failures import Code, RunFailure
from tests.doubles.history_model import HistoryModel
from tests.doubles.memory_journal import MemoryJournal
from tests.doubles.recorded_runs import Recorder, order_for, runner_on, spec_of

Items = list[dict[str, Any]]


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def turn(number: int, padding: int = 60) -> Items:
    """What a request with a tool call leaves behind."""
    call = {"type": "function_call", "name": "look", "arguments": "{}", "call_id": f"c{number}"}
    output = {"type": "function_call_output", "call_id": f"c{number}", "output": "x" * padding}
    return [user(f"question {number}"), call, output, {"role": "assistant", "content": f"answer {number}"}]


HISTORY = [item for number in range(4) for item in turn(number)]
LAST = turn(3)


class Model:
    """Says what it was told; puts things in short when it is asked to."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.summaries: list[str] = []
        self.model = HistoryModel(self._answers)

    def _answers(self, instructions: str | None, asked: list[Any]) -> list[Any]:
        if "Put it in short" in (instructions or ""):
            self.summaries.append(asked[0]["content"])
            return [assistant_message(f"summary {len(self.summaries)}")]
        self.told.append(asked)
        return [assistant_message("done")]


async def run(
    memory: MemorySpec, history: Sequence[dict[str, Any]] = HISTORY, model: Model | None = None, **more: Any
) -> tuple[RunResult, Model]:
    model = model or Model()
    spec = spec_of(lambda: Agent(name="a", instructions="Answer."), memory=memory)
    order = order_for(spec, session_items=list(history), **more)
    return await runner_on(model.model).run(order, Recorder()), model


def contents(items: Sequence[dict[str, Any]]) -> list[str]:
    return [str(item["content"]) for item in items if item.get("role") == "user"]


@pytest.mark.parametrize("compaction", ["trim", "summary"])
async def test_what_fits_is_told_whole(compaction: Any) -> None:
    result, model = await run(MemorySpec(token_budget=10_000, compaction=compaction))

    assert contents(model.told[0]) == [*contents(HISTORY), "hello"]
    assert (model.summaries, result.anew) == ([], False)
    assert result.new_items[0] == user("hello")


async def test_without_a_budget_all_is_told() -> None:
    _, model = await run(MemorySpec())

    assert contents(model.told[0]) == [*contents(HISTORY), "hello"]


async def test_the_oldest_is_left_out_and_the_session_keeps_it() -> None:
    budget = tokens_of(LAST) + tokens_of([user("hello")]) + 2

    result, model = await run(MemorySpec(token_budget=budget))

    assert model.told[0][:-1] == LAST
    assert result.anew is False
    assert result.new_items == [user("hello"), *result.new_items[1:]]


async def test_where_nothing_fits_the_input_is_told_alone() -> None:
    _, model = await run(MemorySpec(token_budget=3))

    assert contents(model.told[0]) == ["hello"]


async def test_the_oldest_is_put_in_short_and_stands_for_all_from_then_on() -> None:
    budget = 2 * tokens_of(LAST) + tokens_of([user("hello")]) + 2

    result, model = await run(MemorySpec(token_budget=budget, compaction="summary"))

    short = user(IN_SHORT + "summary 1")
    assert model.told[0] == [short, *LAST, user("hello")]
    assert "question 0" in model.summaries[0]
    assert "tool called: look({})" in model.summaries[0]
    assert "question 3" not in model.summaries[0]
    assert result.anew
    assert result.new_items[: len(LAST) + 2] == [short, *LAST, user("hello")]
    assert [call.purpose for call in result.calls] == ["compaction", "agent"]
    assert result.turns == 1


async def test_what_was_put_in_short_is_not_asked_again_by_a_later_attempt() -> None:
    memory, asked = MemorySpec(token_budget=60, compaction="summary"), set()
    whole = MemoryJournal()
    expected, _ = await run(memory, journal=whole)

    for write in range(1, whole.writes + 1):
        journal, model = MemoryJournal(fail_before=write), Model()
        with pytest.raises(RunLost):
            await run(memory, model=model, journal=journal)
        recorded = "m:compaction/m0" in journal.entries
        before = len(model.summaries)
        again, _ = await run(memory, model=model, journal=journal.resumed(), attempt=2)
        asked.add((recorded, len(model.summaries) - before))
        if recorded:
            assert again.new_items == expected.new_items

    assert asked == {(True, 0), (False, 1)}


async def test_a_summary_counts_for_the_runs_own_caps() -> None:
    memory = MemorySpec(token_budget=60, compaction="summary")

    with pytest.raises(RunFailure) as caught:
        await run(memory, max_cost_usd=Decimal(0))

    assert caught.value.code is Code.RUN_COST_CAP


async def test_what_is_far_beyond_the_budget_is_not_read_again() -> None:
    long = [item for number in range(40) for item in turn(number, padding=400)]

    _, model = await run(MemorySpec(token_budget=300, compaction="summary"), long)

    assert len(model.summaries[0]) == 4 * 4 * 300
    assert "question 0" not in model.summaries[0]


def test_a_conversation_is_cut_only_between_exchanges() -> None:
    assert cuts_of(HISTORY) == [0, 4, 8, 12, 16]
    assert cuts_of([]) == [0]


def test_a_call_and_its_result_stay_together_also_over_what_a_user_says() -> None:
    items = [
        user("a"),
        {"type": "function_call", "name": "slow", "arguments": "{}", "call_id": "c"},
        user("b"),
        {"type": "function_call_output", "call_id": "c", "output": "x"},
        user("d"),
    ]

    assert cuts_of(items) == [0, 4, 5]


def test_the_longest_end_that_fits_is_found() -> None:
    assert suffix_within(HISTORY, tokens_of(HISTORY)) == 0
    assert suffix_within(HISTORY, tokens_of(HISTORY) - 1) == 4
    assert suffix_within(HISTORY, 0) == len(HISTORY)


def test_all_kinds_of_items_are_put_into_words() -> None:
    items: Items = [
        {"role": "assistant", "content": [{"type": "output_text", "text": "hi"}, {"refusal": "no"}]},
        {"type": "reasoning", "summary": []},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "seen"}]},
        {"type": "message", "role": "user", "content": None},
    ]

    assert as_text(items) == "assistant: hi no\ntool result: seen"


async def test_a_result_whose_call_has_left_the_session_is_not_told() -> None:
    _, model = await run(MemorySpec(), HISTORY[2:])

    assert model.told[0][:-1] == HISTORY[3:]


def test_results_stay_whose_calls_are_there() -> None:
    assert with_calls(HISTORY) is HISTORY
