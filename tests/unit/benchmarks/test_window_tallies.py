"""What answers say of windows: too many, refused for nothing, and what nobody can tell."""

import pytest

from benchmarks.window_tallies import (
    Case,
    beyond,
    error_of_estimates,
    estimate_of,
    falsely_refused_requests,
    falsely_refused_tokens,
    most_at_once,
    most_in_window,
)

MINUTE = 60_000
FULL, TOKENS, RUNS = "limit_requests", "limit_tokens", "quota_runs"
NEEDS = "(900 tokens used, 250 tokens asked for)"


def let_in(at: int, tokens: int = 100, lasted: int = 1_000) -> Case:
    return Case(at, at + lasted, at, 1, None, tokens, tokens)


def let_in_again(sent: int, at: int) -> Case:
    return Case(sent, at + 1_000, at, 2, None, 400, 200)


def turned_away(at: int, code: str = FULL, message: str = "") -> Case:
    return Case(at, at, None, 1, code, 0, 0, message)


def test_a_window_holds_what_was_let_in_within_it() -> None:
    cases = [let_in(at) for at in (0, 10_000, 50_000, 62_000, 80_000)]

    assert most_in_window(cases, MINUTE) == 3
    assert most_in_window([], MINUTE) == 0


@pytest.mark.parametrize(("apart", "held"), [(58_999, 2), (59_000, 1), (60_000, 1)])
def test_the_last_sixtieth_of_a_window_is_the_clocks(apart: int, held: int) -> None:
    assert most_in_window([let_in(100_000), let_in(100_000 + apart)], MINUTE) == held


def test_a_short_window_has_the_least_tolerance() -> None:
    assert most_in_window([let_in(5_000), let_in(5_749)], 1_000) == 2
    assert most_in_window([let_in(5_000), let_in(5_750)], 1_000) == 1


def test_a_refused_one_is_in_no_window() -> None:
    assert most_in_window([let_in(0), turned_away(1)], MINUTE) == 1


def test_one_that_crashed_is_in_a_window_only_if_all_of_its_time_is() -> None:
    others = [let_in(100_000), let_in(101_000)]

    assert most_in_window([*others, let_in_again(90_000, 102_000)], MINUTE) == 3
    assert most_in_window([*others, let_in_again(40_000, 102_000)], MINUTE) == 2


def test_who_is_refused_in_a_full_window_is_refused_rightly() -> None:
    cases = [let_in(100_000), let_in(110_000), turned_away(120_000)]

    assert falsely_refused_requests(cases, FULL, 2, MINUTE) == 0
    assert falsely_refused_requests(cases, FULL, 3, MINUTE) == 1


@pytest.mark.parametrize(("at", "false"), [(162_000, 0), (162_001, 1)])
def test_a_window_may_reach_back_a_sixtieth_and_the_tolerance(at: int, false: int) -> None:
    assert falsely_refused_requests([let_in(100_000), turned_away(at)], FULL, 1, MINUTE) == false


def test_who_waited_long_was_perhaps_refused_early() -> None:
    waited = Case(150_000, 300_000, None, 1, FULL)

    assert falsely_refused_requests([let_in(100_000), waited], FULL, 1, MINUTE) == 0


def test_one_that_crashed_may_have_filled_the_window_since_it_was_sent() -> None:
    cases = [let_in_again(100_000, 130_000), turned_away(110_000)]

    assert falsely_refused_requests(cases, FULL, 1, MINUTE) == 0
    assert falsely_refused_requests([let_in(130_000), turned_away(110_000)], FULL, 1, MINUTE) == 1


def test_in_a_month_all_that_came_before_counts() -> None:
    cases = [let_in(0), let_in(10_000_000), turned_away(20_000_000, RUNS)]

    assert falsely_refused_requests(cases, RUNS, 2, None) == 0
    assert falsely_refused_requests(cases, RUNS, 3, None) == 1


def test_refusals_for_another_reason_are_not_judged() -> None:
    assert falsely_refused_requests([turned_away(5_000, TOKENS)], FULL, 1, MINUTE) == 0
    assert falsely_refused_tokens([turned_away(5_000, FULL, NEEDS)], TOKENS, 1_000) == 0


def test_tokens_that_are_settled_count_as_used() -> None:
    cases = [let_in(0, 400), let_in(0, 400), turned_away(10_000, TOKENS, NEEDS)]

    assert falsely_refused_tokens(cases, TOKENS, 1_049) == 0
    assert falsely_refused_tokens(cases, TOKENS, 1_050) == 1


def test_a_run_under_way_or_just_over_may_hold_its_estimate() -> None:
    refused = turned_away(10_000, TOKENS, NEEDS)

    assert falsely_refused_tokens([let_in(9_500, 100), refused], TOKENS, 499) == 0
    assert falsely_refused_tokens([let_in(7_500, 100), refused], TOKENS, 499) == 0
    assert falsely_refused_tokens([let_in(6_500, 100), refused], TOKENS, 499) == 1


def test_a_run_that_crashed_may_hold_what_was_lost_and_its_estimate() -> None:
    cases = [let_in_again(0, 9_500), turned_away(10_000, TOKENS, NEEDS)]

    assert falsely_refused_tokens(cases, TOKENS, 400 + 250 + 249) == 0
    assert falsely_refused_tokens(cases, TOKENS, 400 + 250 + 250) == 1


def test_what_came_after_a_refusal_took_no_room_from_it() -> None:
    cases = [turned_away(10_000, TOKENS, NEEDS), let_in(20_000, 100)]

    assert falsely_refused_tokens(cases, TOKENS, 250) == 1


def test_the_estimate_is_what_the_refused_are_told() -> None:
    assert estimate_of([let_in(0), turned_away(1, TOKENS, NEEDS)], TOKENS) == 250
    assert estimate_of([let_in(0)], TOKENS) == 0


def test_an_estimate_s_error_counts_for_each_run_under_way() -> None:
    cases = [let_in(0, 260), let_in(500, 100), let_in(1_600, 255)]

    assert error_of_estimates(cases, 250) == 10 * 2
    assert error_of_estimates(cases, 300) == 0
    assert error_of_estimates([], 300) == 0
    assert error_of_estimates([let_in_again(0, 500)], 250) == 0, "two calls, each as large as was thought"


def test_an_end_comes_before_a_beginning_at_the_same_moment() -> None:
    assert most_at_once([let_in(0), let_in(1_000)]) == 1
    assert most_at_once([let_in(0), let_in(999), turned_away(999)]) == 2


def test_what_is_within_a_limit_is_nothing_beyond_it() -> None:
    assert [beyond(used, 10) for used in (0, 10, 13)] == [0, 0, 3]
