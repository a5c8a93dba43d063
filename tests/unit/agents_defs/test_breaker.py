"""When a model is left alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agents_defs.breaker import BreakerRules, BreakerState, ask, give_up_trial, note
from agents_defs.recovery import MAX_WATCHED, Breakers

RULES = BreakerRules(window_s=10.0, least_calls=4, failure_rate=0.5, open_s=20.0, trial_s=60.0)
ROUNDING_S = 1e-9  # moments are floats: opened + open_s - now may end above open_s by its last digit


def after(*outcomes: bool, now: float = 0.0) -> BreakerState:
    state = BreakerState()
    for ok in outcomes:
        state = note(RULES, state, ok, now)
    return state


def test_it_opens_when_half_of_enough_calls_failed() -> None:
    assert ask(RULES, after(True, True, False), 0.0)[1] is None
    assert ask(RULES, after(False, False, False), 0.0)[1] is None
    assert ask(RULES, after(True, True, False, False), 0.0)[1] == 20.0


def test_failures_of_long_ago_count_less_and_less() -> None:
    state = after(False, False, False)

    assert note(RULES, state, False, 9.0).opened == 9.0
    assert note(RULES, state, False, 12.0).opened is None
    assert note(RULES, note(RULES, state, False, 10.0), False, 10.0).opened == 10.0
    assert note(RULES, state, False, 40.0) == BreakerState(40.0, 1, 1)


def test_one_call_may_try_when_it_was_open_for_long_enough() -> None:
    state = after(*[False] * 4)

    state, before = ask(RULES, state, 19.0)
    state, first = ask(RULES, state, 20.0)
    state, second = ask(RULES, state, 20.0)

    assert (before, first, second) == (1.0, None, 20.0)


def test_the_trial_decides() -> None:
    trying, _ = ask(RULES, after(*[False] * 4), 20.0)

    assert ask(RULES, note(RULES, trying, True, 21.0), 21.0)[1] is None
    assert ask(RULES, note(RULES, trying, False, 21.0), 21.0)[1] == 20.0


def test_a_trial_that_says_nothing_makes_room_for_another() -> None:
    trying, _ = ask(RULES, after(*[False] * 4), 20.0)

    assert ask(RULES, give_up_trial(trying), 20.0)[1] is None
    assert ask(RULES, trying, 79.0)[1] is not None
    assert ask(RULES, trying, 80.0)[1] is None


def test_late_failures_do_not_keep_it_open() -> None:
    state = after(*[False] * 4)

    assert note(RULES, state, False, 15.0) == state


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 5)), max_size=60))
def test_it_is_never_closed_for_ever_nor_open_for_ever(steps: list[tuple[bool, float]]) -> None:
    state, now = BreakerState(), 0.0
    for ok, passed in steps:
        now += passed
        state, wait = ask(RULES, state, now)
        assert wait is None or 0 < wait <= RULES.open_s + ROUNDING_S
        if wait is None:
            state = note(RULES, state, ok, now)

    now += RULES.open_s
    state, wait = ask(RULES, state, now)
    assert wait is None
    assert ask(RULES, note(RULES, state, True, now), now)[1] is None or state.opened is None


def test_models_have_breakers_of_their_own_and_are_forgotten() -> None:
    breakers = Breakers(RULES)
    for _ in range(4):
        breakers.note(("p", "a"), False, 0.0)

    assert breakers.wait_s(("p", "a"), 1.0) == 19.0
    assert breakers.wait_s(("p", "b"), 1.0) is None
    for number in range(MAX_WATCHED):
        breakers.note(("p", str(number)), True, 0.0)
    assert breakers.wait_s(("p", "a"), 1.0) is None
