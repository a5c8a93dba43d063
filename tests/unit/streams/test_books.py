"""The books' arithmetic: windows, lateness, repetition, what is in flight, what is published."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.metrics import Percentiles, StatusCounts
from streams.books import (
    GRACE_MS,
    MOST_AGENTS,
    OTHER_AGENTS,
    WINDOW_MS,
    Counted,
    Entry,
    Finished,
    Paid,
    Source,
    TenantBook,
    close,
    due,
    enter,
    metrics,
    requests_used,
    window_of,
)
from streams.policy.windows import Counted as Window60
from streams.policy.windows import Window, Within, count

NOON = 1_795_262_400_000  # 2026-11-21T12:00:00Z
DONE = Finished("acme", "support", NOON + 5_000, "completed", queued_ms=20, run_ms=1_500)
PAID = Paid("acme", "support", NOON + 5_000, 120, Decimal("0.0015"))


def fresh() -> TenantBook:
    """A book in which nothing was counted yet."""
    return TenantBook("acme", 0, dict.fromkeys(Source, 0))


def book_of(*entries: Entry, closed_until: int = 0) -> TenantBook:
    """A book with these, each at the next offset of its source."""
    book = fresh()
    for entry in entries:
        enter(book, entry, book.next_offset[entry.source], closed_until)
    return book


def test_a_window_starts_at_the_minute() -> None:
    assert window_of(NOON + 59_999) == NOON
    assert window_of(NOON + 60_000) == NOON + 60_000


def test_outcomes_and_costs_of_a_minute_add_up() -> None:
    book = book_of(DONE, replace(DONE, run_ms=2_500), replace(DONE, status="failed", run_ms=None), PAID, PAID)

    record = metrics(book, NOON, "support")

    assert record.window_start == datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    assert (record.window_s, record.tenant_id, record.agent) == (60, "acme", "support")
    assert record.counts == StatusCounts(completed=2, failed=1)
    assert (record.tokens, record.cost_usd) == (240, Decimal("0.0030"))
    assert record.queued_ms == Percentiles(p50=20, p95=20, p99=20)
    assert record.run_ms is not None
    assert record.run_ms.p99 == 2_500


def test_agents_and_minutes_are_kept_apart() -> None:
    book = book_of(DONE, replace(DONE, agent="research"), replace(DONE, at_ms=NOON + WINDOW_MS))

    assert set(book.windows) == {(NOON, "support"), (NOON, "research"), (NOON + WINDOW_MS, "support")}


def test_a_window_in_which_nothing_ran_has_no_percentiles() -> None:
    record = metrics(book_of(PAID), NOON, "support")

    assert record.run_ms is None
    assert record.queued_ms is None


@pytest.mark.parametrize("entry", [DONE, PAID])
def test_an_entry_that_is_read_again_is_not_counted_again(entry: Entry) -> None:
    book = fresh()
    enter(book, entry, 7, 0)
    before = metrics(book, NOON, "support")

    again = enter(book, entry, 7, 0)

    assert again is Counted.REPEATED
    assert metrics(book, NOON, "support") == before


def test_the_sources_are_told_apart_when_something_is_read_again() -> None:
    book = fresh()
    enter(book, DONE, 7, 0)

    assert enter(book, PAID, 3, 0) is Counted.ONCE


def test_a_late_entry_counts_in_the_earliest_open_window() -> None:
    book = fresh()

    counted = enter(book, DONE, 0, closed_until=NOON + 2 * WINDOW_MS)

    assert counted is Counted.LATE
    assert set(book.windows) == {(NOON + 2 * WINDOW_MS, "support")}


@given(
    st.permutations([DONE, PAID, replace(DONE, run_ms=9), replace(PAID, tokens=7), replace(DONE, agent="x")])
)
def test_order_does_not_matter(entries: list[Entry]) -> None:
    book, straight = book_of(*entries), book_of(*sorted(entries, key=repr))

    assert {key: metrics(book, *key) for key in book.windows} == {
        key: metrics(straight, *key) for key in straight.windows
    }


# -- in flight


def run(began: int, ended: int) -> Finished:
    """A run from then to then, in milliseconds after noon."""
    return replace(DONE, at_ms=NOON + ended, runs=((NOON + began, NOON + ended),))


def test_a_run_across_the_end_of_a_window_was_in_flight_there() -> None:
    book = book_of(run(59_000, 61_000))

    assert metrics(book, NOON, "support").in_flight == 1
    assert metrics(book, NOON, "support").counts == StatusCounts()
    assert metrics(book, NOON + WINDOW_MS, "support").in_flight == 0


def test_a_run_within_a_window_was_not() -> None:
    assert metrics(book_of(run(1_000, 59_999)), NOON, "support").in_flight == 0


@pytest.mark.parametrize(("began", "ended"), [(1_000, 60_000), (60_000, 61_000)])
def test_a_run_that_ends_or_begins_with_the_window_was_not(began: int, ended: int) -> None:
    assert (NOON, "support") not in book_of(run(began, ended)).windows


def test_a_long_run_counts_only_where_its_end_was_within_the_grace() -> None:
    ended = 5 * WINDOW_MS + 30_000

    book = book_of(run(1_000, ended))

    assert [start for (start, _), tally in book.windows.items() if tally.in_flight] == [NOON + 4 * WINDOW_MS]
    assert ended - 5 * WINDOW_MS <= GRACE_MS


def test_a_closed_window_is_not_opened_for_what_was_in_flight() -> None:
    book = book_of(run(59_000, 61_000), closed_until=NOON + WINDOW_MS)

    assert set(book.windows) == {(NOON + WINDOW_MS, "support")}


# -- agents


def test_agents_beyond_the_bound_share_one_entry() -> None:
    entries = [replace(DONE, agent=f"made-up-{number}") for number in range(MOST_AGENTS + 10)]

    book = book_of(*entries)

    assert len(book.windows) == MOST_AGENTS + 1
    assert metrics(book, NOON, OTHER_AGENTS).counts.completed == 10


# -- the sliding minute


@given(st.lists(st.integers(0, 200_000), max_size=40).map(sorted), st.integers(0, 90_000))
def test_requests_are_counted_in_the_window_that_admission_enforces(admitted: list[int], later: int) -> None:
    book, window, state = fresh(), Window(limit=1_000_000), Window60()
    for offset, at_ms in enumerate(admitted):
        enter(book, replace(DONE, admitted_ms=NOON + at_ms), offset, 0)
        state, _ = count(state, window, NOON + at_ms)
    now_ms = NOON + max(admitted, default=0) + later

    _, verdict = count(state, window, now_ms, amount=0)

    assert isinstance(verdict, Within)
    assert requests_used(book, now_ms) == verdict.used


@given(st.lists(st.integers(0, 200_000), max_size=40))
def test_the_sliding_count_does_not_depend_on_the_order(admitted: list[int]) -> None:
    entries = [replace(DONE, admitted_ms=NOON + at_ms) for at_ms in admitted]

    assert book_of(*entries).admitted == book_of(*reversed(entries)).admitted


def test_the_sliding_count_is_bounded() -> None:
    book = book_of(*(replace(DONE, admitted_ms=NOON + 1_000 * second) for second in range(1_000)))

    assert len(book.admitted) == 61


# -- closing


def test_only_windows_that_ended_by_then_are_due() -> None:
    book = book_of(DONE, replace(DONE, at_ms=NOON + WINDOW_MS))

    assert list(due(book, NOON + WINDOW_MS)) == [(NOON, "support")]


def test_a_book_without_windows_is_done_with() -> None:
    book = book_of(DONE, replace(DONE, at_ms=NOON + WINDOW_MS))

    assert not close(book, due(book, NOON + WINDOW_MS))
    assert close(book, due(book, NOON + 2 * WINDOW_MS))
