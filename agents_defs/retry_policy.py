"""Whether a failed model call is made again, when, and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

Where = Literal["here", "elsewhere", "nowhere"]


@dataclass(frozen=True, slots=True)
class RetryRules:
    tries: int = 3  # for each model
    first_wait_s: float = 0.5
    factor: float = 3.0
    longest_wait_s: float = 5.0  # a run that would wait longer gives its place to others
    jitter: float = 0.25  # a wait is up to this much shorter or longer


@dataclass(frozen=True, slots=True)
class RetryState:
    """Of one model in one turn."""

    tries: int = 0


@dataclass(frozen=True, slots=True)
class FailedTry:
    """What is known of a call that failed. `said`: a reader was told a part of its answer."""

    retriable: bool
    said: bool
    retry_after_s: float | None  # what the provider asks for
    ends: float  # when the run's time is up


@dataclass(frozen=True, slots=True)
class Next:
    """`here`: the same model after `wait_s`. `elsewhere`: it would take `wait_s` here, so ask another;
    without `wait_s` this one has had its tries. `nowhere`: another try would fail as well."""

    where: Where
    wait_s: float | None = None


def after_failure(
    rules: RetryRules, state: RetryState, failed: FailedTry, now: float, rng: Random
) -> tuple[RetryState, Next]:
    """What follows on a failed call."""
    state = RetryState(state.tries + 1)
    if not failed.retriable:
        return state, Next("nowhere")
    if failed.said:
        return state, Next("elsewhere", 0.0)
    if state.tries >= rules.tries:
        return state, Next("elsewhere")
    wait = failed.retry_after_s
    if wait is None:
        wait = rules.first_wait_s * rules.factor ** (state.tries - 1)
        wait *= 1 + rules.jitter * (2 * rng.random() - 1)
    too_long = wait > rules.longest_wait_s or now + wait >= failed.ends
    return state, Next("elsewhere" if too_long else "here", wait)
