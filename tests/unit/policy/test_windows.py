"""Sliding windows: never more than the limit in any window, nobody refused who is within it."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.policy.windows import SECONDS, Counted, Full, Per, Window, Within, count

PERS: tuple[Per, ...] = ("second", "minute", "hour", "day")
BEGIN_MS = 1_900_000_000_000

limits = st.integers(min_value=1, max_value=12)
# Gaps between requests, in bucket lengths of the window that is tried: bursts, trickles, pauses, edges.
gaps = st.lists(
    st.one_of(
        st.just(0.0), st.floats(0, 3), st.floats(0, 70), st.sampled_from([1.0, 59.0, 60.0, 61.0, 62.0])
    ),
    max_size=80,
)


def admitted(window: Window, times: Sequence[int]) -> list[tuple[int, bool]]:
    """Each time, and whether it was admitted."""
    state, out = Counted(), []
    for time_ms in times:
        state, decision = count(state, window, time_ms)
        out.append((time_ms, isinstance(decision, Within)))
    return out


def at_times(window: Window, pauses: Sequence[float]) -> list[int]:
    times, time_ms = [], BEGIN_MS
    for pause in pauses:
        time_ms += round(pause * window.bucket_ms)
        times.append(time_ms)
    return times


@given(limits, st.sampled_from(PERS), gaps)
def test_no_window_of_any_beginning_ever_holds_more_than_the_limit(
    limit: int, per: Per, pauses: list[float]
) -> None:
    window = Window(limit, per)

    judged = admitted(window, at_times(window, pauses))

    length_ms = SECONDS[per] * 1000
    passed = [time_ms for time_ms, fits in judged if fits]
    for begin in passed:
        assert sum(begin <= time_ms < begin + length_ms for time_ms in passed) <= limit


@given(limits, st.sampled_from(PERS), gaps)
def test_nobody_is_refused_who_fits_a_window_longer_by_a_sixtieth(
    limit: int, per: Per, pauses: list[float]
) -> None:
    window = Window(limit, per)

    judged = admitted(window, at_times(window, pauses))

    longer_ms = SECONDS[per] * 1000 * 61 // 60
    passed: list[int] = []
    for time_ms, fits in judged:
        used = sum(time_ms - longer_ms < earlier <= time_ms for earlier in passed)
        assert fits or used + 1 > limit
        passed += [time_ms] if fits else []


@given(limits, st.sampled_from(PERS), gaps)
def test_it_decides_as_a_list_of_all_admissions_would(limit: int, per: Per, pauses: list[float]) -> None:
    """The oracle keeps every admission and counts those in the present bucket and those before it."""
    window = Window(limit, per)
    passed: list[int] = []

    for time_ms, fits in admitted(window, at_times(window, pauses)):
        oldest = time_ms // window.bucket_ms - window.buckets
        used = sum(earlier // window.bucket_ms >= oldest for earlier in passed)
        assert fits == (used + 1 <= limit)
        passed += [time_ms] if fits else []


@given(limits, st.sampled_from(PERS), gaps, st.integers(1, 12))
def test_who_comes_back_when_told_is_admitted_and_not_a_millisecond_sooner(
    limit: int, per: Per, pauses: list[float], amount: int
) -> None:
    window, state = Window(limit, per), Counted()
    for time_ms in at_times(window, pauses):
        state, _ = count(state, window, time_ms)
    now_ms = at_times(window, pauses)[-1] if pauses else BEGIN_MS

    _, decision = count(state, window, now_ms, amount)

    if isinstance(decision, Full) and amount <= limit:
        assert decision.retry_after_ms > 0
        _, then = count(state, window, now_ms + decision.retry_after_ms, amount)
        _, before = count(state, window, now_ms + decision.retry_after_ms - 1, amount)
        assert isinstance(then, Within)
        assert isinstance(before, Full)


def test_a_full_window_at_its_edge_gives_no_second_burst() -> None:
    window = Window(10, "minute")
    late = [BEGIN_MS + 59_999] * 10
    next_minute = [BEGIN_MS + 60_001] * 10

    judged = admitted(window, [*late, *next_minute])

    assert [fits for _, fits in judged] == [True] * 10 + [False] * 10


def test_what_does_not_fit_is_not_counted() -> None:
    window = Window(10, "minute")
    state, _ = count(Counted(), window, BEGIN_MS, 8)

    state, refused = count(state, window, BEGIN_MS, 3)
    state, fitting = count(state, window, BEGIN_MS, 2)

    assert isinstance(refused, Full)
    assert refused.used == 8
    assert fitting == Within(10)


def test_what_left_the_window_is_forgotten() -> None:
    window = Window(10, "minute")
    state, _ = count(Counted(), window, BEGIN_MS, 5)

    state, _ = count(state, window, BEGIN_MS + 3_600_000, 1)

    assert sum(state.buckets.values()) == 1


def test_a_state_is_a_value_that_counting_leaves_alone() -> None:
    window = Window(2, "minute")
    state, _ = count(Counted(), window, BEGIN_MS)
    before = dict(state.buckets)

    count(state, window, BEGIN_MS)
    count(state, window, BEGIN_MS + 10_000_000)

    assert dict(state.buckets) == before


@pytest.mark.parametrize("per", PERS)
def test_the_buckets_of_a_window_make_up_its_length(per: Per) -> None:
    window = Window(1, per)

    assert window.buckets * window.bucket_ms == SECONDS[per] * 1000
