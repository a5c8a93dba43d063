"""A guardrail's verdict: whose it is, and what of it the next attempt finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from agents_defs.guardrail_scope import judged, kept, to_keep
from agents_defs.journal_entries import VerdictEntry
from agents_defs.recovery import Recovery
from agents_defs.run_journal import RunNeedsApproval
from agents_defs.run_scope import SCOPE, LiveRun, RunScope
from tests.doubles.memory_journal import MemoryJournal
from tests.doubles.recorded_runs import Recorder, order_for, plain_agent, spec_of

STOP = RunNeedsApproval([])


def run_with(entries: Mapping[str, bytes]) -> RunScope:
    order = order_for(spec_of(plain_agent), journal=MemoryJournal(entries=dict(entries)))
    return RunScope(LiveRun(order, Recorder(), lambda: 0.0, None, lambda _agent: None, Recovery(), 60.0))


def guardrail(entries: Mapping[str, bytes] | None = None) -> RunScope:
    return run_with(entries or {}).child("g:strict", "guardrail")


async def test_who_swallowed_what_stopped_the_run_has_no_verdict() -> None:
    scope = guardrail()

    def careless() -> str:
        scope.run.record.stop(STOP)
        return "fine"

    with pytest.raises(RunNeedsApproval):
        await judged(scope, careless)
    assert SCOPE.get() is None


async def test_a_verdict_beside_what_stopped_the_run_is_as_good_as_ever() -> None:
    run = run_with({})
    scope, tool = run.child("g:strict", "guardrail"), run.child("t:c1")

    async def strict() -> str:
        token = SCOPE.set(tool)
        run.run.record.stop(STOP)
        SCOPE.reset(token)
        return "fine"

    assert await judged(scope, strict) == "fine"


def test_the_next_attempt_knows_that_a_stand_in_judged() -> None:
    first = guardrail()
    first.run.degraded = True
    again = guardrail(to_keep(first, True, "rude"))

    assert kept(again) == VerdictEntry(tripped=True, info="rude", degraded=True)
    assert again.run.degraded


def test_an_attempt_that_no_stand_in_judged_stays_so() -> None:
    again = guardrail(to_keep(guardrail(), False, None))

    assert kept(again) == VerdictEntry(tripped=False, info=None, degraded=False)
    assert not again.run.degraded


@pytest.mark.parametrize(("given", "found"), [({"why": {1}}, {"why": [1]}), (Exception("x"), "x")])
def test_reasons_may_be_anything(given: Any, found: Any) -> None:
    entry = kept(guardrail(to_keep(guardrail(), True, given)))

    assert entry is not None
    assert entry.info == found
