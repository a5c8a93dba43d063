"""When a failed model call is made again, and by whom."""

from __future__ import annotations

from random import Random

import pytest

from agents_defs.retry_policy import FailedTry, Next, RetryRules, RetryState, after_failure

RULES = RetryRules(tries=3, first_wait_s=1.0, factor=3.0, longest_wait_s=5.0, jitter=0.25)
FRESH = RetryState()


def failed(
    *, retriable: bool = True, said: bool = False, retry_after_s: float | None = None, ends: float = 100.0
) -> FailedTry:
    return FailedTry(retriable, said, retry_after_s, ends)


def decide(state: RetryState, failure: FailedTry, now: float = 0.0, seed: int = 1) -> tuple[RetryState, Next]:
    return after_failure(RULES, state, failure, now, Random(seed))


def test_waits_grow_and_differ_within_their_jitter() -> None:
    first = {decide(FRESH, failed(), seed=seed)[1].wait_s or 0.0 for seed in range(50)}
    second = {decide(RetryState(1), failed(), seed=seed)[1].wait_s or 0.0 for seed in range(50)}

    assert 0.75 <= min(first) < max(first) <= 1.25
    assert 2.25 <= min(second) < max(second) <= 3.75
    assert len(first) == 50


def test_the_provider_says_how_long_to_wait() -> None:
    _, following = decide(FRESH, failed(retry_after_s=4.5))

    assert following == Next("here", 4.5)


@pytest.mark.parametrize(("wait", "now"), [(5.1, 0.0), (4.0, 96.0)])
def test_a_wait_that_is_too_long_is_not_waited_here(wait: float, now: float) -> None:
    _, following = decide(FRESH, failed(retry_after_s=wait), now)

    assert following == Next("elsewhere", wait)


def test_each_model_has_its_tries() -> None:
    state, wheres = FRESH, []
    for _ in range(3):
        state, following = decide(state, failed(retry_after_s=0.0))
        wheres.append(following)

    assert wheres == [Next("here", 0.0), Next("here", 0.0), Next("elsewhere")]


def test_what_would_fail_again_is_not_tried_again() -> None:
    assert decide(FRESH, failed(retriable=False, retry_after_s=0.0))[1] == Next("nowhere")


def test_what_a_reader_was_told_is_not_told_again_in_the_same_attempt() -> None:
    assert decide(FRESH, failed(said=True, retry_after_s=3.0))[1] == Next("elsewhere", 0.0)
