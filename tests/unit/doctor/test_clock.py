"""How far another clock is off, and what the doctor says to it."""

from datetime import UTC, datetime, timedelta

import pytest

from app.doctor.clock import Reading, judge

BEFORE = datetime(2026, 11, 21, 7, 0, 0, tzinfo=UTC)


def reading(told_s: float, took_s: float = 0.2) -> Reading:
    return Reading(BEFORE, BEFORE + timedelta(seconds=told_s), BEFORE + timedelta(seconds=took_s))


@pytest.mark.parametrize(
    ("told_s", "verdict", "said"),
    [
        (0.1, "ok", "agrees"),
        (-0.9, "ok", "agrees"),
        (5.2, "warn", "5.0 s ahead of"),
        (-5, "warn", "5.0 s behind"),
        (120, "fail", "ahead of"),
    ],
)
def test_a_clock_that_is_off_is_told_by_how_much(told_s: float, verdict: str, said: str) -> None:
    found = judge("redis clock", reading(told_s))

    assert found.verdict == verdict
    assert said in found.found


def test_a_slow_answer_is_no_skew() -> None:
    assert reading(told_s=4.0, took_s=8.0).skew == timedelta(0)
