"""What is made of a flood: shares by weight, the rate of a full worker, what victims send and may wait."""

import pytest

from benchmarks.tenant_flood import bound_ms, by_weight, jain, steady_rate, victim_rate
from benchmarks.worker_process import BenchFailed


def test_equal_shares_are_one_and_one_that_has_all_is_its_part() -> None:
    assert jain([5.0, 5.0, 5.0, 5.0]) == 1
    assert jain([5.0, 0.0, 0.0, 0.0]) == 0.25
    assert jain([1.0, 3.0]) == pytest.approx(0.8)


def test_shares_are_tokens_by_weight_also_of_who_got_none() -> None:
    tokens = [("a", 10), ("b", 30), ("a", 20)]

    assert by_weight(tokens, {"a": 1.0, "b": 3.0, "c": 1.0}) == [30, 10, 0]


def test_the_rate_is_that_of_the_middle() -> None:
    came = [0.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 90.0]

    assert steady_rate(came) == 1.0


@pytest.mark.parametrize("came", [[], [1.0], [2.0, 2.0]])
def test_too_few_answers_have_no_rate(came: list[float]) -> None:
    with pytest.raises(BenchFailed, match="too few"):
        steady_rate(came)


def test_a_victim_sends_half_of_a_tenth() -> None:
    assert victim_rate(200.0) == 10.0


def test_beside_a_flood_a_fifth_and_200_ms_more_are_allowed() -> None:
    assert bound_ms(100.0) == pytest.approx(320.0)
