"""When a model is left alone for a while because most of its calls fail."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class BreakerRules:
    window_s: float = 30.0  # failures are counted over this long, and over the one before it in part
    least_calls: int = 20  # fewer say nothing
    failure_rate: float = 0.5  # from this on the model is left alone
    open_s: float = 15.0  # then one call may try
    trial_s: float = 60.0  # a trial that nobody heard of for so long is forgotten


@dataclass(frozen=True, slots=True)
class BreakerState:
    """Closed while `opened` is None, else open; half-open once `open_s` have passed."""

    began: float = 0.0  # of the current window
    calls: int = 0
    failed: int = 0
    calls_before: int = 0  # in the window before
    failed_before: int = 0
    opened: float | None = None
    trial: float | None = None  # since when a call tries whether the model is back


def ask(rules: BreakerRules, state: BreakerState, now: float) -> tuple[BreakerState, float | None]:
    """Whether a call may be made: None, or how many seconds to wait before asking again."""
    if state.opened is None:
        return state, None
    wait = state.opened + rules.open_s - now
    if wait > 0:
        return state, wait
    if state.trial is not None and now < state.trial + rules.trial_s:
        return state, rules.open_s
    return replace(state, trial=now), None


def note(rules: BreakerRules, state: BreakerState, ok: bool, now: float) -> BreakerState:
    """What a call came to."""
    if state.opened is not None:
        if ok:
            return BreakerState(began=now)
        # Late failures of calls that were under way when it opened say nothing new.
        return state if state.trial is None else replace(state, opened=now, trial=None)
    state = _counted(_rolled(rules, state, now), ok)
    return replace(state, opened=now) if not ok and _too_many(rules, state, now) else state


def give_up_trial(state: BreakerState) -> BreakerState:
    """The trial was cut off before it told anything: the next call may try."""
    return state if state.trial is None else replace(state, trial=None)


def _rolled(rules: BreakerRules, state: BreakerState, now: float) -> BreakerState:
    passed = now - state.began
    if passed < rules.window_s:
        return state
    if passed < 2 * rules.window_s:
        began = state.began + rules.window_s
        return BreakerState(began, calls_before=state.calls, failed_before=state.failed)
    return BreakerState(began=now)


def _counted(state: BreakerState, ok: bool) -> BreakerState:
    return BreakerState(
        state.began,
        state.calls + 1,
        state.failed + (not ok),
        state.calls_before,
        state.failed_before,
    )


def _too_many(rules: BreakerRules, state: BreakerState, now: float) -> bool:
    """The window slides: of the one before it, what has not passed out of it yet counts."""
    share = max(0.0, 1 - (now - state.began) / rules.window_s)
    calls = state.calls + share * state.calls_before
    failed = state.failed + share * state.failed_before
    return calls >= rules.least_calls and failed >= rules.failure_rate * calls
