"""Offsets are released in order, and only in order."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.tracker import Ticket, Tracker


class Offsets:
    """What a consumer makes of acknowledgements: as Faust does, it commits behind the highest one."""

    def __init__(self) -> None:
        self.acked: list[int] = []
        self.committed = 0

    def ack(self, offset: int) -> Callable[[], None]:
        def acknowledge() -> None:
            self.acked.append(offset)
            self.committed = max(self.committed, offset + 1)

        return acknowledge


def take(tracker: Tracker, offsets: Offsets, numbers: Sequence[int], partition: int = 0) -> list[Ticket]:
    return [tracker.add(partition, number, offsets.ack(number)) for number in numbers]


def test_a_head_holds_everything_behind_it() -> None:
    tracker, offsets = Tracker(), Offsets()
    head, *others = take(tracker, offsets, [31, 32, 33])
    for ticket in others:
        tracker.release(ticket)
    assert offsets.acked == []

    tracker.release(head)

    assert offsets.acked == [31, 32, 33]


@given(st.permutations(range(12)))
def test_in_whatever_order_they_end_no_unfinished_offset_is_ever_committed_past(order: list[int]) -> None:
    tracker, offsets = Tracker(), Offsets()
    tickets = take(tracker, offsets, range(12))

    for done, number in enumerate(order):
        tracker.release(tickets[number])
        unfinished = set(order[done + 1 :])
        assert offsets.committed == min(unfinished, default=12)

    assert offsets.acked == list(range(12))


def test_partitions_do_not_wait_for_each_other() -> None:
    tracker, offsets = Tracker(), Offsets()
    take(tracker, offsets, [1], partition=0)
    (other,) = take(tracker, offsets, [7], partition=1)

    tracker.release(other)

    assert offsets.acked == [7]


def test_gaps_in_the_offsets_hold_up_nothing() -> None:
    tracker, offsets = Tracker(), Offsets()
    tickets = take(tracker, offsets, [3, 9, 50])

    for ticket in tickets:
        tracker.release(ticket)

    assert offsets.acked == [3, 9, 50]
    assert tracker.position(0) == 51


def test_the_position_is_the_first_offset_that_is_not_released() -> None:
    tracker, offsets = Tracker(), Offsets()
    assert tracker.position(0) is None
    first, second = take(tracker, offsets, [5, 6])
    assert tracker.position(0) == 5

    tracker.release(second)
    assert tracker.position(0) == 5
    tracker.release(first)

    assert tracker.position(0) == 7
    assert tracker.position(1) is None


def test_a_ticket_of_a_past_assignment_acknowledges_nothing() -> None:
    tracker, offsets = Tracker(), Offsets()
    (old,) = take(tracker, offsets, [5])
    tracker.reset([0])
    (new,) = take(tracker, offsets, [5])

    tracker.release(old)
    assert offsets.acked == []
    tracker.release(new)

    assert offsets.acked == [5]


def test_the_position_of_a_retained_partition_holds_until_it_is_read_again() -> None:
    tracker, offsets = Tracker(), Offsets()
    released, _ = take(tracker, offsets, [5, 6])
    tracker.release(released)

    tracker.reset([0])
    assert tracker.position(0) == 6
    take(tracker, offsets, [4, 5])  # what was committed lags behind what was released

    assert tracker.position(0) == 4


def test_nothing_is_known_of_a_partition_that_was_lost() -> None:
    tracker, offsets = Tracker(), Offsets()
    take(tracker, offsets, [5], partition=0)
    take(tracker, offsets, [5], partition=1)

    tracker.reset([1])

    assert tracker.position(0) is None
    assert tracker.position(1) == 5
    assert tracker.unreleased() == 0


def test_releasing_twice_acknowledges_once() -> None:
    tracker, offsets = Tracker(), Offsets()
    first, second = take(tracker, offsets, [1, 2])
    tracker.release(second)
    tracker.release(second)
    tracker.release(first)
    tracker.release(first)

    assert offsets.acked == [1, 2]


class Eager(Tracker):
    """What must not be: each ticket is acknowledged when it is done, whatever stands before it."""

    def release(self, ticket: Ticket) -> None:
        if ticket.ack is not None:
            ticket.ack()


@pytest.mark.parametrize(("tracker", "found_again"), [(Tracker(), True), (Eager(), False)])
def test_after_a_crash_the_slow_head_is_read_again_only_where_acks_stand_in_order(
    tracker: Tracker, found_again: bool
) -> None:
    offsets = Offsets()
    _slow, *fast = take(tracker, offsets, [0, 1, 2])

    for ticket in fast:
        tracker.release(ticket)
    read_again_from = offsets.committed  # the process dies here

    assert (read_again_from <= 0) is found_again
