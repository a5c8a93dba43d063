"""Which endpoint is asked next, and when one is left alone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_defs.endpoints import (
    FIRST_OUT_S,
    HUNG_CALLS,
    LONGEST_OUT_S,
    UNSEEN_S,
    Candidate,
    EndpointOptions,
    Routing,
    Standing,
    answered,
    choose,
    cut_off,
    failed,
    ran_out,
    recovered,
    sent,
)

A, B = EndpointOptions("a"), EndpointOptions("b")
ROUTINGS: tuple[Routing, ...] = ("round_robin", "least_in_flight", "latency")


def of_a(standing: Standing | None = None, calls: int = 0) -> Candidate:
    return Candidate(A, standing or Standing(), calls)


def of_b(standing: Standing | None = None, calls: int = 0) -> Candidate:
    return Candidate(B, standing or Standing(), calls)


def hung(calls: int, now: float = 10.0) -> Standing:
    """An endpoint at which so many calls in a row waited a minute for nothing."""
    standing = Standing()
    for _ in range(calls):
        standing = ran_out(standing, 60.0, now)
    return standing


def shares(routing: Routing, options: list[EndpointOptions], calls: int) -> Counter[str]:
    """Who is asked how often, when each call ends before the next."""
    standings, asked = [Standing() for _ in options], Counter[str]()
    for _ in range(calls):
        nth = choose(routing, [Candidate(*one) for one in zip(options, standings, strict=True)], 0.0)
        asked[options[nth].name] += 1
        least = min(one.asked for one in standings)
        standings[nth] = answered(sent(standings[nth], options[nth], least), 0.1)
    return asked


def test_round_robin_is_by_weight() -> None:
    heavy = EndpointOptions("b", weight=3)

    assert shares("round_robin", [A, heavy], 400) == {"a": 100, "b": 300}


def test_the_one_with_the_fewest_calls_for_its_weight_is_asked() -> None:
    strong = Candidate(EndpointOptions("a", weight=4), Standing(), calls=3)

    assert choose("least_in_flight", [of_a(calls=3), of_b(calls=2)], 0.0) == 1
    assert choose("least_in_flight", [strong, of_b(calls=2)], 0.0) == 0


def test_the_quicker_one_is_asked_until_it_has_more_to_do() -> None:
    quick, slow = Standing(latency_s=0.1), Standing(latency_s=0.25)

    assert choose("latency", [of_a(quick), of_b(slow)], 0.0) == 0
    assert choose("latency", [of_a(quick, calls=2), of_b(slow)], 0.0) == 1


def test_one_that_has_never_answered_is_tried_by_one_call_at_a_time() -> None:
    known = of_a(Standing(latency_s=0.1))

    assert choose("latency", [known, of_b()], 0.0) == 1
    assert choose("latency", [known, of_b(calls=1)], 0.0) == 0


def test_a_call_that_nobody_waited_for_any_longer_tells_how_slow_it_is_at_least() -> None:
    hangs = cut_off(Standing(), 60.0)

    assert choose("latency", [of_a(hangs), of_b(Standing(latency_s=0.1))], 0.0) == 1
    assert cut_off(Standing(latency_s=5.0), 1.0) == Standing(latency_s=5.0)


@pytest.mark.parametrize("routing", ROUTINGS)
def test_one_on_which_calls_hang_is_left_alone_whoever_is_asked_next(routing: Routing) -> None:
    busy = of_b(Standing(asked=99, latency_s=999.0), calls=50)

    assert hung(HUNG_CALLS - 1).out_until == 0.0
    assert hung(HUNG_CALLS).out_until == 10 + FIRST_OUT_S
    assert choose(routing, [of_a(hung(HUNG_CALLS)), busy], 10.0) == 1


def test_calls_that_hang_beside_answers_are_not_the_endpoints_fault() -> None:
    standing = Standing()
    for _ in range(9):
        standing = ran_out(ran_out(answered(standing, 0.1), 60.0, 10.0), 60.0, 10.0)

    assert (standing.failures, standing.out_until) == (0, 0.0)


def test_calls_that_hang_together_are_one_failure() -> None:
    assert hung(50).failures == 1
    assert ran_out(hung(50), 60.0, 99.0).failures == 2


def test_how_long_calls_hung_is_forgotten_when_it_is_well_again() -> None:
    assert recovered(hung(HUNG_CALLS)) == Standing()
    assert recovered(failed(Standing(latency_s=0.5), 10.0)) == Standing(latency_s=0.5)


def test_calls_that_fail_together_count_as_one_failure() -> None:
    both = failed(failed(Standing(), 10.0), 10.1)

    assert (both.failures, both.out_until) == (1, 10 + FIRST_OUT_S)
    assert failed(both, 10.2, retry_after_s=30).out_until == 40.2


@pytest.mark.parametrize("routing", ROUTINGS)
def test_who_failed_is_left_alone_and_longer_each_time(routing: Routing) -> None:
    once = failed(sent(Standing(), A, 0.0), 10.0)
    twice = failed(sent(once, A, 0.0), 20.0)
    busy = of_b(Standing(asked=9, latency_s=9.0), calls=50)

    assert choose(routing, [of_a(once), busy], 10.0) == 1
    assert choose(routing, [of_a(once), busy], 12.1) == 1  # it is being looked at
    assert choose(routing, [of_a(once), busy], 12.1 + UNSEEN_S) == 0
    assert choose(routing, [of_a(recovered(once)), busy], 12.1) == 0
    assert (once.out_until, twice.out_until) == (10 + FIRST_OUT_S, 20 + 2 * FIRST_OUT_S)
    assert answered(twice, 0.1).failures == 0
    assert recovered(twice).out_until == 0.0


def test_a_provider_that_says_when_is_heard() -> None:
    assert failed(Standing(), 10.0, retry_after_s=30).out_until == 40


def test_where_all_are_out_the_one_that_has_been_for_longest_is_asked() -> None:
    out = [of_a(Standing(failures=1, out_until=9)), of_b(Standing(failures=1, out_until=7))]

    assert choose("round_robin", out, 5.0) == 1


def test_an_endpoint_that_is_full_is_not_asked_while_another_is_not() -> None:
    small = Candidate(EndpointOptions("a", max_in_flight=2), Standing(), calls=2)

    assert choose("round_robin", [small, of_b(Standing(asked=99))], 0.0) == 1


def test_one_that_comes_back_is_not_asked_everything_at_once() -> None:
    back = sent(Standing(asked=3), A, least=1000)

    assert back.asked == 1001


@given(st.lists(st.sampled_from(["answer", "fail", "cut", "hang"]), max_size=60))
def test_whatever_becomes_of_calls_none_is_out_for_longer_than_is_bearable(ends: list[str]) -> None:
    standing, now = Standing(), 0.0
    for end in ends:
        now += 1.0
        standing = {
            "answer": answered(standing, 0.1),
            "fail": failed(standing, now),
            "cut": cut_off(standing, 1.0),
            "hang": ran_out(standing, 1.0, now),
        }[end]

    assert standing.out_until <= now + LONGEST_OUT_S
    assert bool(standing.failures) == bool(standing.out_until)
