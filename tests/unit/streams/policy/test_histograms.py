"""The histogram of durations: its error, and that order does not matter."""

import math

from hypothesis import given
from hypothesis import strategies as st

from streams.policy.histograms import EXACT_BELOW, LARGEST, Histogram, bucket_of, from_flat, middle_of

VALUES = st.lists(st.integers(0, 10_000_000), min_size=1, max_size=200)


def histogram_of(values: list[int]) -> Histogram:
    """All of them, in this order."""
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


@given(st.integers(0, LARGEST))
def test_the_middle_of_a_values_bucket_is_off_by_at_most_one_in_64(value: int) -> None:
    middle = middle_of(bucket_of(value))

    assert abs(middle - value) * 64 <= value
    assert value >= EXACT_BELOW or middle == value


@given(VALUES, st.integers(1, 100))
def test_a_percentile_is_the_nearest_rank_within_the_error(values: list[int], percent: int) -> None:
    exact = sorted(values)[max(1, math.ceil(len(values) * percent / 100)) - 1]

    (found,) = histogram_of(values).percentiles(percent)

    assert abs(found - exact) * 64 <= exact
    assert min(values) <= found <= max(values)


def test_equal_values_are_told_exactly() -> None:
    assert histogram_of([123_457] * 7).percentiles(50, 95, 99) == (123_457,) * 3


def test_percentiles_come_in_the_order_that_they_were_asked_for() -> None:
    assert histogram_of(list(range(1, 101))[:60]).percentiles(99, 50) == (60, 30)


@given(VALUES)
def test_order_does_not_matter(values: list[int]) -> None:
    assert histogram_of(values).flat() == histogram_of(sorted(values)).flat()


@given(VALUES)
def test_the_flat_form_comes_back_the_same(values: list[int]) -> None:
    histogram = histogram_of(values)

    again = from_flat(histogram.flat())

    assert again.flat() == histogram.flat()
    assert again.percentiles(50, 99) == histogram.percentiles(50, 99)


def test_an_empty_one_is_false_and_flat_as_nothing() -> None:
    assert not from_flat(Histogram().flat())
    assert Histogram().flat() == []


def test_a_duration_beyond_reason_counts_as_the_longest() -> None:
    assert histogram_of([LARGEST * 1000]).percentiles(50) == (LARGEST,)
    assert histogram_of([-5]).percentiles(50) == (0,)


def test_the_number_of_buckets_is_bounded() -> None:
    assert bucket_of(LARGEST) < 900
