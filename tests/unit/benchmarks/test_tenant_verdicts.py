"""What is said of a tenant that met its bound, and when a bench has seen nothing."""

from dataclasses import replace

import pytest

from benchmarks.tenant_verdicts import Bound, bursts_due, judge
from benchmarks.window_tallies import Case
from benchmarks.worker_process import BenchFailed

WINDOW = Bound("acme", "requests", "limit_requests", 2, 60_000)
MONTH = Bound("acme", "requests", "quota_runs", 2)
TOKENS = Bound("acme", "tokens", "limit_tokens", 1_000)


def let_in(at: int, tokens: int = 100) -> Case:
    return Case(at, at + 1_000, at, 1, None, tokens, tokens)


def turned_away(at: int, code: str) -> Case:
    return Case(at, at, None, 1, code, 0, 0, "(1 tokens used, 150 tokens asked for)")


def test_a_window_that_held_no_more_than_its_limit_is_no_overshoot() -> None:
    cases = [let_in(0), let_in(1), turned_away(2, "limit_requests"), let_in(70_000)]

    verdict = judge(WINDOW, cases)

    assert (verdict.overshoot, verdict.falsely_refused) == (0, 0)
    assert "4 requests, 3 let in" in verdict.told


def test_one_too_many_is_an_overshoot_in_its_window_and_in_its_month() -> None:
    inside = [let_in(0), let_in(1), let_in(2)]

    assert judge(WINDOW, [*inside, turned_away(3, "limit_requests")]).overshoot == 1
    assert judge(MONTH, [*inside, turned_away(3, "quota_runs")]).overshoot == 1
    apart = [let_in(0), let_in(100_000), let_in(200_000), turned_away(200_001, "quota_runs")]
    assert judge(MONTH, apart).overshoot == 1


def test_tokens_beyond_the_limit_and_what_errors_may_come_to() -> None:
    cases = [let_in(0, 900), let_in(500, 160), turned_away(10_000, "limit_tokens")]

    verdict = judge(TOKENS, cases)

    assert (verdict.overshoot, verdict.allowance, verdict.falsely_refused) == (60, 750 * 2, 0)


def test_who_is_refused_with_room_left_is_refused_for_nothing() -> None:
    cases = [let_in(0, 100), turned_away(50_000, "limit_tokens")]

    assert judge(TOKENS, cases).falsely_refused == 1
    assert judge(replace(TOKENS, limit=249), cases).falsely_refused == 0
    assert judge(MONTH, [let_in(0), turned_away(50_000, "quota_runs")]).falsely_refused == 1


def test_a_bound_that_nobody_met_is_no_evidence() -> None:
    with pytest.raises(BenchFailed, match="limit of 2 was not reached"):
        judge(WINDOW, [let_in(0)])


def test_refusals_for_another_reason_end_the_measurement() -> None:
    cases = [turned_away(0, "limit_requests"), turned_away(1, "limit_cost")]

    with pytest.raises(BenchFailed, match="also refused limit_cost"):
        judge(WINDOW, cases)


@pytest.mark.parametrize(
    ("now", "wait"), [(0.0, 1.0), (0.95, 19.05), (1.0, 19.0), (40.5, 18.5), (59.5, 1.5), (3_659.0, 2.0)]
)
def test_bursts_come_on_both_sides_of_a_minute_s_edge(now: float, wait: float) -> None:
    assert bursts_due(now) == pytest.approx(wait)
