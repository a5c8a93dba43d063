"""What runs under way hold is no drift; what is missing is, and what stays although nothing moves."""

import pytest

from streams.policy.drift import SETTLING_MS, Figure, Look, judge

LATER = SETTLING_MS


def look(books: int, workers: int, at_ms: int = 0) -> Look:
    return Look(at_ms, Figure(books, books), Figure(workers, workers), (books, workers))


def drift(first: Look, second: Look, what: str = "tokens") -> int | None:
    kept, nothing = judge(None, first, what)  # type: ignore[arg-type]
    assert (kept, nothing) == (first, None)
    return judge(kept, second, what)[1]  # type: ignore[arg-type]


def test_who_counts_the_same_does_not_drift() -> None:
    assert drift(look(100, 100), look(100, 100, LATER)) == 0


def test_two_looks_that_are_too_close_say_nothing_and_the_earlier_one_stands() -> None:
    first = look(100, 50)

    kept, found = judge(first, look(100, 50, SETTLING_MS - 1), "tokens")

    assert (kept, found) == (first, None)


def test_workers_that_lag_for_good_are_missing_the_least_that_was_missing() -> None:
    assert drift(look(100, 90), look(300, 260, LATER)) == -10
    assert drift(look(100, 60), look(300, 290, LATER)) == -10


@pytest.mark.parametrize(("first", "second"), [((100, 60), (300, 300)), ((100, 130), (300, 260))])
def test_what_was_missing_once_is_no_drift(first: tuple[int, int], second: tuple[int, int]) -> None:
    assert drift(look(*first), look(*second, LATER)) == 0


def test_what_runs_under_way_hold_is_no_drift_as_long_as_anything_moves() -> None:
    assert drift(look(100, 180), look(150, 230, LATER)) == 0
    assert drift(look(100, 180), look(100, 160, LATER)) == 0
    assert drift(look(100, 180), look(120, 180, LATER)) == 0


def test_what_is_too_much_although_nothing_moves_is_held_by_nobody() -> None:
    assert drift(look(100, 180), look(100, 180, LATER)) == 80


def test_rounding_to_whole_nano_usd_is_no_drift() -> None:
    assert (
        drift(look(1_000_000_000, 1_000_900_000), look(1_000_000_000, 1_000_900_000, LATER), "cost_usd") == 0
    )
    assert drift(look(10, 13), look(10, 13, LATER), "runs") == 3


def test_what_lies_at_the_edge_of_a_window_may_count_on_either_side() -> None:
    one = Look(0, Figure(90, 100), Figure(85, 95), (1,))
    two = Look(LATER, Figure(90, 100), Figure(85, 95), (1,))

    assert drift(one, two) == 0
