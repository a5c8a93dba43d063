"""A record is taken in only when it follows the one before it, as it was fetched."""

from streams.continuity import Continuity, Verdict

NEXT, HOLE, STALE = Verdict.NEXT, Verdict.HOLE, Verdict.STALE


def test_records_follow_each_other_over_gaps_in_their_offsets() -> None:
    seen = Continuity()

    assert [seen.judge(0, offset, follows) for offset, follows in ((5, None), (6, 5), (9, 6))] == [NEXT] * 3
    assert seen.next_offset(0) == 10


def test_what_is_missing_is_asked_for_once_and_what_comes_from_before_is_passed_over() -> None:
    seen = Continuity()
    seen.judge(0, 5, None)

    assert [seen.judge(0, offset, offset - 1) for offset in (8, 9, 10)] == [HOLE, STALE, STALE]
    assert seen.next_offset(0) == 6
    assert [seen.judge(0, 6, None), seen.judge(0, 7, 6)] == [NEXT, NEXT]


def test_a_first_batch_that_is_missing_is_noticed() -> None:
    seen = Continuity()

    assert seen.judge(0, 128, 127) is HOLE
    assert seen.next_offset(0) is None


def test_partitions_are_told_apart_and_a_new_assignment_begins_anew() -> None:
    seen = Continuity()
    seen.judge(0, 5, None)
    seen.judge(1, 7, None)
    assert seen.judge(1, 8, 7) is NEXT

    seen.restart()

    assert seen.judge(0, 6, 5) is HOLE
    assert seen.judge(0, 5, None) is NEXT
