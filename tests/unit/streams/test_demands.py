"""Demands: what a request counts for among its tenant's, and its tenant among the others."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from agents_defs.registry import AgentSpec, Registry
from agents_defs.run_order import ModelCall
from schemas.requests import Priority
from streams.demands import BYTES_PER_TOKEN, FIRST_GUESS, Demands, tokens_of
from streams.flow import Accepted
from streams.intake import Intake
from streams.options import LimitOptions
from streams.tenancy import Tenancy
from tests.doubles.memory_control import MemoryPlans
from tests.doubles.requests import PARTITIONS, body, record

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
NEVER_BUILT: Any = object
INTAKE = Intake(Registry([AgentSpec("support", 3, NEVER_BUILT)]), PARTITIONS, 10**9, 10**9)
CALL = ModelCall("c-1", "m", "support", "agent", "settled", 100, 90, 20, 5, Decimal(0), "offline", 1.0, 2.0)


def accepted(**changes: Any) -> Accepted:
    candidate = INTAKE.parse(record(7, body(**changes)), 12.5, AT)
    assert isinstance(candidate, Accepted)
    return candidate


def demands(**plan: Any) -> Demands:
    plans = MemoryPlans()
    if plan:
        plans.put(**plan)
    return Demands(Tenancy(LimitOptions(), plans))


def test_a_tenant_without_a_plan_has_weight_one_and_what_its_request_says() -> None:
    demand = demands().of(accepted(priority="interactive"))

    assert (demand.tenant_id, demand.weight, demand.priority) == ("acme", 1.0, Priority.INTERACTIVE)
    assert (demand.order, demand.since) == (7, 12.5)


@pytest.mark.parametrize(
    ("most", "asked", "counts"),
    [
        ("standard", "interactive", Priority.STANDARD),
        ("standard", "batch", Priority.BATCH),
        ("batch", "standard", Priority.BATCH),
        ("interactive", "interactive", Priority.INTERACTIVE),
    ],
)
def test_a_priority_counts_as_far_as_the_plan_allows(most: str, asked: str, counts: Priority) -> None:
    allowed = demands(max_priority=Priority(most), weight=2.5)

    demand = allowed.of(accepted(priority=asked))

    assert (demand.priority, demand.weight) == (counts, 2.5)


def test_tokens_are_guessed_by_the_input_and_by_what_runs_of_the_agent_used() -> None:
    known, asked = demands(), accepted(input="x" * 4_000)
    read = len(asked.record.value or b"") // BYTES_PER_TOKEN
    assert known.of(asked).tokens == read + FIRST_GUESS

    for _ in range(200):
        known.learn(asked, read + 3_000)

    assert known.of(asked).tokens == pytest.approx(read + 3_000, rel=0.01)


def test_no_guess_is_negative() -> None:
    known, asked = demands(), accepted(input="x" * 100_000)
    for _ in range(200):
        known.learn(asked, 0)

    assert known.of(accepted()).tokens == 0


def test_calls_that_were_charged_before_are_not_charged_again() -> None:
    calls = [CALL, replace(CALL, call_id="c-2")]

    assert tokens_of(calls, {"c-1"}) == 120
    assert tokens_of(calls, ()) == 240
