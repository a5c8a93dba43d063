"""What is not known of a window counts as full, as long as it is in the window, and until it is told."""

import pytest

from streams.policy import holdings
from streams.policy.gaps import ASK_AGAIN_MS, LONGEST_MS, UNKNOWN, Gap
from streams.policy.gates import Gate
from streams.policy.holdings import Before
from streams.policy.windows import BUCKETS, Counted, MonthWindow, Per, Window

NOW_MS = 1_900_000_000_000
PERS: tuple[Per, ...] = ("second", "minute", "hour", "day")
DAY = Window(20, "day")
MONTH = MonthWindow(20, 24_000, NOW_MS + 86_400_000)


def entered(
    gate: Gate, gap: Gap, now_ms: int = NOW_MS, own: Counted | None = None, everybody: Counted | None = None
) -> holdings.Closed | None:
    states = {"w": own or Counted()}
    _, closed = holdings.enter(
        states, {"w": gate}, now_ms, Before(gap, {} if everybody is None else {"w": everybody})
    )
    return closed


@pytest.mark.parametrize("per", PERS)
def test_a_window_is_full_until_all_that_is_unknown_has_left_it(per: Per) -> None:
    window = Window(20, per)
    gap = Gap(NOW_MS)
    left = gap.lasts_ms(window, NOW_MS)

    last, first = NOW_MS + left - 1, NOW_MS + left

    assert window.bucket_ms * BUCKETS[per] <= left <= window.bucket_ms * (BUCKETS[per] + 1)
    assert entered(Gate(window), gap, last) == holdings.Closed(Gate(window), UNKNOWN, 1)
    assert entered(Gate(window), gap, first) is None
    assert left < LONGEST_MS


def test_who_is_refused_for_it_may_ask_again_soon() -> None:
    closed = entered(Gate(DAY), Gap(NOW_MS))

    assert closed is not None
    assert closed.retry_after_ms == ASK_AGAIN_MS


def test_a_window_that_was_told_is_what_it_says() -> None:
    gap = Gap(NOW_MS, told=True)
    fifteen = Counted({DAY.bucket(NOW_MS): 15})

    assert entered(Gate(DAY, 5), gap, own=fifteen) is None
    closed = entered(Gate(DAY, 6), gap, own=fifteen)
    assert closed is not None
    assert closed.used == 15


def test_months_and_what_asks_for_nothing_are_not_closed() -> None:
    assert entered(Gate(MONTH, 1, "runs"), Gap(NOW_MS)) is None
    assert entered(Gate(DAY, 0, "cost_usd"), Gap(NOW_MS)) is None


def test_of_a_user_all_that_its_tenant_used_before_counts() -> None:
    present = DAY.bucket(NOW_MS)
    everybody = Counted({present - 3: 10, present: 2, present + 1: 4, present + 2: 100})  # the last: later
    gate = Gate(DAY, 1, "requests", "", "ann")
    gap = Gap(NOW_MS, told=True)

    own = Counted({present + 1: 3})
    later = NOW_MS + DAY.bucket_ms

    assert entered(gate, gap, later, own, everybody) is None
    closed = entered(Gate(DAY, 2, "requests", "", "ann"), gap, later, own, everybody)
    assert closed is not None
    assert closed.used == 19


def test_when_the_gap_has_left_the_window_a_user_is_judged_by_its_own() -> None:
    gate, gap = Gate(DAY, 20, "requests", "", "ann"), Gap(NOW_MS, told=True)
    everybody = Counted({DAY.bucket(NOW_MS): 20})
    left = gap.lasts_ms(DAY, NOW_MS)

    assert entered(gate, gap, NOW_MS + left - 1, everybody=everybody) is not None
    assert entered(gate, gap, NOW_MS + left, everybody=everybody) is None


def test_what_all_used_before_is_not_written_into_a_users_window() -> None:
    gate, gap = Gate(DAY, 1, "requests", "", "ann"), Gap(NOW_MS, told=True)
    everybody = Counted({DAY.bucket(NOW_MS): 7})

    states, closed = holdings.enter({}, {"w": gate}, NOW_MS, Before(gap, {"w": everybody}))

    assert closed is None
    assert states == {"w": Counted({DAY.bucket(NOW_MS): 1})}
