"""Time and chance that are the same in each attempt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from agents import Agent, RunContextWrapper, function_tool
from agents.testing import assistant_message, function_call

from agents_defs.determinism import now, randomness
from agents_defs.recovery import Recovery
from tests.doubles.hand_clock import START_AT, HandClock
from tests.doubles.history_model import HistoryModel, results
from tests.doubles.memory_journal import MemoryJournal
from tests.doubles.recorded_runs import Recorder, order_for, runner_on, spec_of

SEEN: list[tuple[datetime, float]] = []


@function_tool
async def look(context: RunContextWrapper[Any]) -> str:
    """Looks at the clock and throws dice."""
    SEEN.append((await now(context), randomness(context).random()))
    SEEN.append((await now(context), randomness(context).random()))
    return "seen"


async def dated(context: RunContextWrapper[Any], _agent: Any) -> str:
    return f"It is {(await now(context)).isoformat()}; {randomness(context).random()}"


def answers(_instructions: str | None, asked: list[Any]) -> list[Any]:
    if results(asked):
        return [assistant_message("done")]
    return [function_call("look", {}, call_id="c1")]


async def run(journal: MemoryJournal | None, clock: HandClock, **changes: Any) -> list[Any]:
    SEEN.clear()
    spec = spec_of(lambda: Agent(name="clock", instructions=dated, tools=[look]))
    runner = runner_on(HistoryModel(answers), Recovery(at=clock.at))
    await runner.run(order_for(spec, journal=journal, **changes), Recorder())
    return list(SEEN)


async def test_a_replay_sees_what_the_first_attempt_saw() -> None:
    clock, journal = HandClock(), MemoryJournal()
    first = await run(journal, clock)
    clock.advance(60)
    left = {name: entry for name, entry in journal.entries.items() if not name.startswith("t:")}

    second = await run(MemoryJournal(entries=left), clock, attempt=2)

    assert second == first
    assert first[0][0] == START_AT


async def test_two_throws_and_two_runs_differ() -> None:
    clock = HandClock()

    first, second = await run(None, clock), await run(None, clock, run_id="run-2")

    assert len({chance for _, chance in (*first, *second)}) == 4


async def test_outside_of_any_run_it_is_the_real_thing() -> None:
    before = datetime.now(UTC)

    seen = await now()

    assert timedelta(0) <= seen - before < timedelta(seconds=5)
    assert randomness().random() != randomness().random()
