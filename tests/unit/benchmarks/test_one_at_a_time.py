"""What is made of requests that were alone."""

import gc

import pytest

from benchmarks.one_at_a_time import WARM_UP, alone, latency_of, undisturbed
from tests.doubles.hand_clock import HandClock


async def test_the_first_requests_meet_cold_caches_and_do_not_count() -> None:
    clock, served = HandClock(), 0

    async def one() -> None:
        nonlocal served
        served += 1
        clock.advance(1.0 if served <= WARM_UP else 0.01)

    found = await alone(one, 50, clock.now)

    assert served == WARM_UP + 50
    assert found.count == 50
    assert found.p99_ms == pytest.approx(10)


def test_the_rate_of_requests_that_follow_each_other_is_their_number_by_their_time() -> None:
    found = latency_of([0.01] * 99 + [0.5])

    assert found.rate == pytest.approx(100 / 1.49)
    assert found.p50_ms == pytest.approx(10)
    assert found.p99_ms == pytest.approx(10)


def test_a_second_slow_request_in_a_hundred_shows_in_the_ninety_ninth() -> None:
    found = latency_of([0.01] * 98 + [0.5] * 2)

    assert found.p99_ms == pytest.approx(500)


def test_garbage_is_collected_again_after_a_failed_measurement() -> None:
    enabled = []

    def fail() -> None:
        with undisturbed():
            enabled.append(gc.isenabled())
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()

    assert enabled == [False]
    assert gc.isenabled()
