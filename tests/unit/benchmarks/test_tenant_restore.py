"""The books that a restart finds, and the pauses of answers meanwhile."""

from datetime import UTC, datetime

import pytest

from benchmarks.tenant_restore import book_of, longest_pause_s
from schemas.partitions import partition_for
from streams.book_values import pack, unpack
from streams.books import Source
from streams.policy.months import Month

NOW = datetime(2026, 11, 21, 7, 0, 30, tzinfo=UTC)


def test_a_book_that_was_kept_is_read_again_with_its_month_and_its_windows() -> None:
    for number in range(6):
        book = book_of(number, NOW, 12)

        again = unpack(book.tenant_id, pack(book))

        assert again.partition == partition_for(book.tenant_id.encode(), 12)
        assert len(again.windows) == 1 + number % 2
        assert again.month is not None
        assert again.month.present.period.month == Month(2026, 11)
        assert again.month.present.used.runs == 40 + number
        assert again.next_offset == dict.fromkeys(Source, 0)


@pytest.mark.parametrize(
    ("came", "longest"),
    [([], 10.0), ([1.0, 2.0, 9.5], 7.5), ([6.0], 6.0), ([-5.0, 4.0, 25.0], 6.0)],
)
def test_the_longest_pause_begins_and_ends_within_the_time_that_is_looked_at(
    came: list[float], longest: float
) -> None:
    assert longest_pause_s(came, 0.0, 10.0) == longest
