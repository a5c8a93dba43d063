"""Which endpoint is asked next, and when one is left alone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_defs.endpoints import (
    FIRST_OUT_S,
    LONGEST_OUT_S,
    EndpointOptions,
    Routing,
    Standing,
    answered,
    choose,
    cut_off,
    failed,
    let_go,
    recovered,
    sent,
)

A, B = EndpointOptions("a"), EndpointOptions("b")


def shares(routing: Routing, options: list[EndpointOptions], calls: int) -> Counter[str]:
    """Who is asked how often, when each call ends before the next."""
    standings, asked = [Standing() for _ in options], Counter[str]()
    for _ in range(calls):
        nth = choose(routing, options, standings, 0.0)
        asked[options[nth].name] += 1
        least = min(one.asked for one in standings)
        standings[nth] = answered(sent(standings[nth], options[nth], least), 0.1)
    return asked


def test_round_robin_is_by_weight() -> None:
    heavy = EndpointOptions("b", weight=3)

    assert shares("round_robin", [A, heavy], 400) == {"a": 100, "b": 300}


def test_the_one_with_the_fewest_calls_for_its_weight_is_asked() -> None:
    busy, idle = Standing(in_flight=3), Standing(in_flight=2)

    assert choose("least_in_flight", [A, B], [busy, idle], 0.0) == 1
    assert choose("least_in_flight", [EndpointOptions("a", weight=4), B], [busy, idle], 0.0) == 0


def test_the_quicker_one_is_asked_until_it_has_more_to_do() -> None:
    quick, slow = Standing(latency_s=0.1), Standing(latency_s=0.25)

    assert choose("latency", [A, B], [quick, slow], 0.0) == 0
    assert choose("latency", [A, B], [Standing(in_flight=2, latency_s=0.1), slow], 0.0) == 1


def test_one_that_has_never_answered_is_tried_by_one_call_at_a_time() -> None:
    known, unknown = Standing(latency_s=0.1), Standing()

    assert choose("latency", [A, B], [known, unknown], 0.0) == 1
    assert choose("latency", [A, B], [known, sent(unknown, B, 0.0)], 0.0) == 0


def test_a_call_that_nobody_waited_for_any_longer_tells_how_slow_it_is_at_least() -> None:
    hangs = cut_off(sent(Standing(), A, 0.0), 60.0)

    assert choose("latency", [A, B], [hangs, Standing(latency_s=0.1)], 0.0) == 1
    assert cut_off(sent(Standing(latency_s=5.0), A, 0.0), 1.0) == Standing(latency_s=5.0, asked=1.0)


def test_calls_that_fail_together_count_as_one_failure() -> None:
    three = sent(sent(sent(Standing(), A, 0.0), A, 0.0), A, 0.0)

    both = failed(failed(three, 10.0), 10.1)

    assert (both.failures, both.out_until, both.in_flight) == (1, 10 + FIRST_OUT_S, 1)
    assert failed(both, 10.2, retry_after_s=30).out_until == 40.2


@pytest.mark.parametrize("routing", ["round_robin", "least_in_flight", "latency"])
def test_who_failed_is_left_alone_and_longer_each_time(routing: Routing) -> None:
    once = failed(sent(Standing(), A, 0.0), 10.0)
    twice = failed(sent(once, A, 0.0), 20.0)

    assert choose(routing, [A, B], [once, Standing(in_flight=50, latency_s=9.0)], 10.0) == 1
    assert choose(routing, [A, B], [once, Standing(in_flight=50, asked=9, latency_s=9.0)], 12.1) == 0
    assert (once.out_until, twice.out_until) == (10 + FIRST_OUT_S, 20 + 2 * FIRST_OUT_S)
    assert answered(sent(twice, A, 0.0), 0.1).failures == 0
    assert recovered(twice).out_until == 0.0


def test_a_provider_that_says_when_is_heard() -> None:
    assert failed(Standing(in_flight=1), 10.0, retry_after_s=30).out_until == 40


def test_where_all_are_out_the_one_that_has_been_for_longest_is_asked() -> None:
    assert choose("round_robin", [A, B], [Standing(out_until=9), Standing(out_until=7)], 5.0) == 1


def test_an_endpoint_that_is_full_is_not_asked_while_another_is_not() -> None:
    small = EndpointOptions("a", max_in_flight=2)

    assert choose("round_robin", [small, B], [Standing(in_flight=2), Standing(asked=99)], 0.0) == 1


def test_one_that_comes_back_is_not_asked_everything_at_once() -> None:
    back = sent(Standing(asked=3), A, least=1000)

    assert back.asked == 1001


@given(st.lists(st.sampled_from(["answer", "fail", "cut"]), max_size=60))
def test_calls_in_flight_are_counted_whatever_becomes_of_them(ends: list[str]) -> None:
    standing = Standing()
    for end in ends:
        standing = sent(standing, A, 0.0)
        standing = {
            "answer": answered(standing, 0.1),
            "fail": failed(standing, 1.0),
            "cut": let_go(standing),
        }[end]

    assert standing.in_flight == 0
    assert standing.out_until <= 1.0 + LONGEST_OUT_S
