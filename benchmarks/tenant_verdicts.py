"""Bound: one thing that a tenant of the bench may not exceed, and what its answers say of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from benchmarks.window_tallies import (
    Case,
    admitted,
    beyond,
    error_of_estimates,
    estimate_of,
    falsely_refused_requests,
    falsely_refused_tokens,
    most_in_window,
)
from benchmarks.worker_process import BenchFailed

# Just before a minute ends and just after it began, and twice in between.
WITHIN_A_MINUTE_S: Final = (1.0, 20.0, 40.0, 59.0)


@dataclass(frozen=True, slots=True)
class Bound:
    """At most so many of it; without a window: in a month, or in a day, which no bench outlasts."""

    tenant: str
    what: Literal["requests", "tokens"]
    code: str
    limit: int
    window_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one bound."""

    bound: Bound
    overshoot: int
    falsely_refused: int
    allowance: int  # tokens: what errors of estimates may come to
    told: str


def judge(bound: Bound, cases: Sequence[Case]) -> Verdict:
    """By all answers of its tenant. A bound that nobody met is no evidence of anything."""
    codes = Counter(case.code for case in cases if case.code is not None)
    if not codes[bound.code]:
        raise BenchFailed(f"nobody was refused {bound.code}: the limit of {bound.limit} was not reached")
    if strange := codes.keys() - {bound.code}:
        raise BenchFailed(f"{bound.tenant} was also refused {', '.join(sorted(strange))}")
    verdict = _requests if bound.what == "requests" else _tokens
    return verdict(bound, cases)


def _requests(bound: Bound, cases: Sequence[Case]) -> Verdict:
    most = len(admitted(cases)) if bound.window_ms is None else most_in_window(cases, bound.window_ms)
    false = falsely_refused_requests(cases, bound.code, bound.limit, bound.window_ms)
    counted = f"at most {most} of {bound.limit} in a window"
    return Verdict(bound, beyond(most, bound.limit), false, 0, _told(bound, cases, counted, false))


def _tokens(bound: Bound, cases: Sequence[Case]) -> Verdict:
    used = sum(case.tokens for case in cases)
    estimate = estimate_of(cases, bound.code)
    error = error_of_estimates(cases, estimate)
    false = falsely_refused_tokens(cases, bound.code, bound.limit)
    counted = f"{used} of {bound.limit} tokens (a call is thought to need {estimate}; errors come to {error})"
    return Verdict(bound, beyond(used, bound.limit), false, error, _told(bound, cases, counted, false))


def _told(bound: Bound, cases: Sequence[Case], counted: str, false: int) -> str:
    let_in = admitted(cases)
    again = sum(1 for case in let_in if case.attempts > 1)
    refused = sum(1 for case in cases if case.code is not None)
    return (
        f"{bound.tenant}: {len(cases)} requests, {len(let_in)} let in ({again} of them twice, after a crash "
        f"or a move), {refused} refused {bound.code} ({false} for nothing); {counted}"
    )


def bursts_due(now_s: float) -> float:
    """Seconds until the next burst: never at once, so that two do not fall together."""
    within = now_s % 60.0
    return next((at for at in WITHIN_A_MINUTE_S if at - within > 0.1), 60.0 + WITHIN_A_MINUTE_S[0]) - within
