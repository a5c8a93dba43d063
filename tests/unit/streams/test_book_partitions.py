"""When a partition's windows may be closed: everything that was written is counted, and the grace is over."""

from streams.book_partitions import OpenPartition, forget_remade
from streams.book_ports import Progress
from streams.books import WINDOW_MS, PartitionMark, Source
from streams.tables import WINDOWS

NOON = 1_795_262_400_000
GRACE = WINDOWS.grace_s * 1000
BACKLOG = WINDOWS.backlog_s * 1000


def partition(responses: int = 0, usage: int = 0) -> OpenPartition:
    """One of which so many records were counted."""
    return OpenPartition(PartitionMark(0, {Source.RESPONSES: responses, Source.USAGE: usage}))


def survey(
    part: OpenPartition, at_ms: int, end: int, position: int | None = None, fetched: int | None = None
) -> None:
    """Both sources end there at that moment, and were fetched so far."""
    progress = None if position is None else Progress(position, fetched)
    for source in Source:
        part.survey(source, end, at_ms, progress)


def test_nothing_is_settled_before_anything_is_known() -> None:
    assert partition().settled_until(NOON) == 0


def test_an_empty_partition_is_settled_up_to_the_grace() -> None:
    part = partition()

    survey(part, NOON, end=0, position=0)

    assert part.settled_until(NOON) == NOON - GRACE


def test_what_was_written_and_is_not_counted_holds_the_windows_open() -> None:
    part = partition()

    survey(part, NOON, end=10, position=10, fetched=9)

    assert part.settled_until(NOON) == 0


def test_the_windows_close_when_it_is_counted_and_not_before_its_moment() -> None:
    part = partition()
    survey(part, NOON, end=10, position=4, fetched=3)
    for source in Source:
        part.counted(source, 9)

    survey(part, NOON + 5 * WINDOW_MS, end=50, position=20, fetched=19)

    assert part.settled_until(NOON + 5 * WINDOW_MS) == NOON - GRACE


def test_markers_behind_the_last_record_hold_nothing_open() -> None:
    part = partition()
    for source in Source:
        part.counted(source, 9)

    survey(part, NOON, end=12, position=12, fetched=9)

    assert part.settled_until(NOON) == NOON - GRACE


def test_fetched_and_not_counted_yet_is_no_marker() -> None:
    part = partition()
    for source in Source:
        part.counted(source, 8)

    survey(part, NOON, end=12, position=12, fetched=9)

    assert part.settled_until(NOON) == 0


def test_a_source_that_is_behind_holds_the_other_back() -> None:
    part = partition()

    part.survey(Source.RESPONSES, 0, NOON, Progress(0, None))
    part.survey(Source.USAGE, 10, NOON, Progress(3, 2))

    assert part.settled_until(NOON) == 0


def test_a_backlog_closes_what_is_far_behind_its_latest_entries() -> None:
    part = partition()
    for source in Source:
        part.saw(source, NOON)

    assert part.settled_until(NOON + 10 * BACKLOG) == NOON - BACKLOG


def test_an_entry_from_the_future_closes_nothing() -> None:
    part = partition()
    for source in Source:
        part.saw(source, NOON + 10 * BACKLOG)

    assert part.settled_until(NOON) == NOON - BACKLOG


def test_what_is_delivered_again_does_not_set_a_partition_back() -> None:
    part = partition(responses=100)

    part.counted(Source.RESPONSES, 40)

    assert part.mark.next_offset[Source.RESPONSES] == 100


def test_a_topic_that_was_made_anew_is_read_from_its_start_for_all_tenants() -> None:
    mark = {Source.RESPONSES: 500, Source.USAGE: 40}
    tenant = {Source.RESPONSES: 5, Source.USAGE: 50}

    forget_remade(3, [mark, tenant], {(Source.RESPONSES, 3): 12, (Source.USAGE, 3): 50})

    assert mark == {Source.RESPONSES: 0, Source.USAGE: 40}
    assert tenant == {Source.RESPONSES: 0, Source.USAGE: 50}
