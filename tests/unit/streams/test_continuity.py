"""A record is taken in only when nothing is missing before it."""

import pytest

from streams.continuity import Continuity, Verdict

NEXT, HOLE, STALE = Verdict.NEXT, Verdict.HOLE, Verdict.STALE


@pytest.fixture
def seen() -> Continuity:
    made = Continuity()
    made.begin(0, 5)
    return made


def test_records_follow_each_other_over_gaps_in_their_offsets(seen: Continuity) -> None:
    assert [seen.judge(0, *read) for read in ((5, 6), (6, 9), (9, 10))] == [NEXT] * 3
    assert seen.next_offset(0) == 10


def test_what_is_missing_is_asked_for_once_and_what_comes_from_before_is_passed_over(
    seen: Continuity,
) -> None:
    seen.judge(0, 5, 6)

    assert [seen.judge(0, offset, offset + 1) for offset in (8, 9, 10)] == [HOLE, STALE, STALE]
    assert seen.next_offset(0) == 6
    assert [seen.judge(0, 6, 7), seen.judge(0, 7, 8)] == [NEXT, NEXT]


def test_a_first_batch_that_is_missing_is_noticed(seen: Continuity) -> None:
    assert seen.judge(0, 128, 129) is HOLE
    assert seen.next_offset(0) == 5


def test_what_is_read_a_second_time_is_no_hole_and_takes_nothing_back(seen: Continuity) -> None:
    seen.judge(0, 5, 9)

    assert seen.judge(0, 5, 6) is NEXT
    assert seen.next_offset(0) == 9


def test_a_retained_partition_is_read_from_its_position_and_a_gained_one_begins_anew(
    seen: Continuity,
) -> None:
    seen.begin(1, 7)
    seen.judge(0, 5, 101)

    seen.assigned({0: 50, 2: None})

    assert seen.judge(0, 61, 62) is HOLE  # what stands before is worked on, and has to be adopted
    assert seen.next_offset(0) == 50
    assert seen.judge(1, 7, 8) is HOLE
    seen.begin(1, 7)
    assert seen.judge(1, 7, 8) is NEXT
