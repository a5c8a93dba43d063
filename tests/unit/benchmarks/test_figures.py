"""Medians, ratios, goals and the line of JSON."""

import json

import pytest

from benchmarks.figures import (
    GOALS,
    Goal,
    Latency,
    Sample,
    json_line,
    middle,
    paired_ratio,
    percentile,
    summarise,
)


def sample(cpu_s: float, runs: int = 100) -> Sample:
    return Sample(runs, cpu_s, wall_s=2 * cpu_s, rss_mib=100)


def test_a_summary_takes_the_median_and_tells_how_far_the_repeats_lie_apart() -> None:
    taken = [sample(0.1), sample(0.2), sample(1.0)]

    summary = summarise(taken)

    assert summary.per_cpu_second == 500
    assert summary.cpu_ms == 2
    assert summary.per_second == 250
    assert summary.spread == pytest.approx((1000 - 100) / 500)


def test_a_ratio_compares_neighbours_and_not_the_luck_of_different_rounds() -> None:
    ours = [sample(0.1), sample(1.0), sample(2.0)]
    theirs = [sample(0.2), sample(2.0), sample(4.0)]

    ratio = paired_ratio(ours, theirs)

    assert ratio == 2


def test_a_ratio_of_series_of_different_lengths_is_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        paired_ratio([sample(0.1)], [sample(0.1), sample(0.1)])


@pytest.mark.parametrize(("per_cent", "expected"), [(50, 50), (99, 99), (100, 100), (0, 1)])
def test_a_percentile_is_a_value_that_was_measured(per_cent: float, expected: int) -> None:
    values = list(range(100, 0, -1))

    assert percentile(values, per_cent) == expected


def test_a_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_one_slice_in_a_noisy_minute_does_not_decide_the_latency() -> None:
    slices = [Latency(100, 5, 20, 10), Latency(100, 90, 900, 10), Latency(100, 6, 22, 10)]

    assert middle(slices) == Latency(100, 6, 22, 30)


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [
        (Goal("x", ">=", 0.75), 0.75, True),
        (Goal("x", ">=", 0.75), 0.749, False),
        (Goal("x", "<=", 10), 10, True),
        (Goal("x", "<=", 10), 10.1, False),
        (Goal("x", "<", 1228.8), 1228.8, False),
    ],
)
def test_a_goal_is_met_up_to_its_limit(goal: Goal, value: float, met: bool) -> None:
    assert goal.met(value) is met
    assert goal.verdict(value).startswith("pass" if met else "FAIL ")


def test_a_figure_that_could_not_be_taken_is_no_pass() -> None:
    assert GOALS[0].verdict(None).startswith("FAILED")


def test_a_figure_without_a_goal_is_only_told_but_missing_it_is_a_failure() -> None:
    told = Goal("x")

    assert told.met(0.0)
    assert told.verdict(0.3) == "no goal"
    assert told.verdict(None).startswith("FAILED")


def test_the_price_of_durability_is_in_the_line_of_json() -> None:
    figures = json.loads(json_line({}))

    wanted = {"durable_ratio", "vs_dbos", "three_step_p50_ms", "three_step_p99_ms", "three_step_ratio"}
    assert wanted <= figures.keys()


def test_the_line_of_json_holds_every_figure_and_null_for_a_missing_one() -> None:
    line = json_line({"throughput_ratio": 1.23456, "added_p50_ms": None})

    figures = json.loads(line)
    assert list(figures) == [goal.name for goal in GOALS]
    assert figures["throughput_ratio"] == 1.235
    assert figures["added_p50_ms"] is None
    assert figures["rss_mib_10000"] is None
    assert "\n" not in line
