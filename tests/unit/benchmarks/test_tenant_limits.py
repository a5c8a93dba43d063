"""What answers and plans of the bench of limits come to."""

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from benchmarks.report import Report
from benchmarks.tenant_limits import (
    ALLOWANCE,
    Extent,
    Outcomes,
    bounds_of,
    busiest,
    figures_of,
    plans_of,
)
from benchmarks.window_tallies import Case
from benchmarks.worker_process import BenchFailed
from schemas.tenants import TenantPlan

AT = "2026-11-21T07:00:0{}.500Z"


def answer(name: str, **fields: Any) -> Any:
    told = {"request_id": name, "tenant_id": "acme", "status": "completed", "finished_at": AT.format(2)}
    return SimpleNamespace(value=orjson.dumps(told | fields))


def test_an_answer_becomes_a_case_with_the_tokens_of_its_calls() -> None:
    outcomes = Outcomes({"r-1": 7, "r-2": 8})
    outcomes.note(answer("r-1", admitted_at=AT.format(1), attempts=2))
    error = {"code": "limit_tokens", "message": "so"}
    outcomes.note(answer("r-2", status="refused", error=error))
    outcomes.calls["r-1"] = [10, 20]

    first, second = outcomes.cases()["acme"]

    assert (first.sent_ms, first.finished_ms - (first.admitted_ms or 0), first.attempts) == (7, 1_000, 2)
    assert (first.code, first.tokens, first.largest_call) == (None, 30, 20)
    assert (second.admitted_ms, second.code, second.message, second.tokens) == (
        None,
        "limit_tokens",
        "so",
        0,
    )


def test_an_answer_that_is_neither_run_nor_refused_ends_the_measurement() -> None:
    with pytest.raises(BenchFailed, match="neither completed nor refused"):
        Outcomes({"r-1": 0}).note(answer("r-1", status="failed"))


def test_who_has_most_tenants_is_the_one_to_be_killed() -> None:
    owned = {"w-0": {0, 1, 2, 3}, "w-1": {4}, "w-2": {5}}

    assert busiest(owned, [0, 4, 4, 5]) == "w-1"
    assert busiest(owned, [0, 1, 4, 5]) == "w-0"


def test_each_plan_is_one_that_workers_can_read_and_has_a_bound() -> None:
    extent = Extent()

    read = {plan["tenant_id"]: TenantPlan.model_validate(plan) for plan in plans_of(extent)}

    assert read.keys() == {bound.tenant for bound in bounds_of(extent)}
    assert read["minute"].limits[0].limit == extent.per_minute
    assert read["day"].limits[0].limit == extent.tokens


def test_quotas_are_full_only_after_both_faults_and_before_the_end() -> None:
    for extent in (Extent(), Extent(bursts=6, each=60, per_minute=30)):
        assert 0 < extent.kill_at < extent.rebalance_at < extent.runs / extent.each < extent.bursts - 1


def test_the_worst_of_each_kind_is_the_figure_and_false_refusals_add_up() -> None:
    extent = Extent(bursts=6, each=60, per_minute=2)
    half = extent.tokens // 2
    cases = {
        bound.tenant: [Case(at, at + 9, at, 1, None, half, half) for at in range(3)]
        + [Case(200_000, 200_000, None, 1, bound.code, message="10 tokens asked for")] * 2
        for bound in bounds_of(extent)
    }

    figures = figures_of(cases, extent, Report())

    assert figures["overshoot_requests"] == 1
    assert figures["overshoot_tokens"] == half
    assert figures["false_refusals"] == 4, "of the minute, which is over, and of the month's runs"
    assert figures[ALLOWANCE] == (half - 10) * 3
