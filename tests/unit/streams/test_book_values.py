"""What is in the table comes back the same."""

from dataclasses import replace
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.partitions import partition_for
from streams.book_values import (
    UnknownValue,
    is_mark,
    mark_key,
    pack,
    pack_mark,
    partition_of,
    unpack,
    unpack_mark,
)
from streams.books import Entry, Finished, Paid, PartitionMark, Source, TenantBook, enter

NOON = 1_795_262_400_000

FINISHED = st.builds(
    Finished,
    tenant_id=st.just("acme"),
    agent=st.sampled_from(["support", "research", "naïve ☃"]),
    at_ms=st.integers(NOON, NOON + 300_000),
    status=st.sampled_from(["completed", "refused", "failed", "cancelled", "expired"]),
    queued_ms=st.none() | st.integers(0, 10**6),
    run_ms=st.none() | st.integers(0, 10**8),
    runs=st.lists(
        st.tuples(st.integers(NOON - 90_000, NOON), st.integers(NOON, NOON + 300_000)), max_size=2
    ).map(tuple),
    admitted_ms=st.none() | st.integers(NOON, NOON + 300_000),
)
PAID = st.builds(
    Paid,
    tenant_id=st.just("acme"),
    agent=st.sampled_from(["support", "Triage"]),
    at_ms=st.integers(NOON, NOON + 300_000),
    tokens=st.integers(0, 10**7),
    cost_usd=st.decimals(0, 1000, places=18),
)


@given(st.lists(FINISHED | PAID, max_size=30), st.integers(0, 10**12))
def test_a_book_comes_back_the_same(entries: list[Entry], offset: int) -> None:
    book = TenantBook("acme", 3, dict.fromkeys(Source, 0))
    for entry in entries:
        offset += 1
        enter(book, entry, offset, NOON)

    again = unpack("acme", pack(book))

    assert pack(again) == pack(book)
    assert (again.partition, again.next_offset, again.admitted) == (3, book.next_offset, book.admitted)
    assert set(again.windows) == set(book.windows)
    for key, tally in book.windows.items():
        copy = again.windows[key]
        assert (copy.counts, copy.in_flight, copy.tokens) == (tally.counts, tally.in_flight, tally.tokens)
        assert copy.cost_usd == tally.cost_usd
        assert (copy.queued.flat(), copy.ran.flat()) == (tally.queued.flat(), tally.ran.flat())


def test_money_is_not_rounded() -> None:
    book = TenantBook("acme", 3, dict.fromkeys(Source, 0))
    paid = Paid("acme", "support", NOON, 1, Decimal("0.000000000000000001"))
    enter(book, replace(paid, cost_usd=Decimal("123456")), 0, 0)
    enter(book, paid, 1, 0)

    (tally,) = unpack("acme", pack(book)).windows.values()

    assert tally.cost_usd == Decimal("123456.000000000000000001")


def test_what_was_published_before_a_restart_is_published_again() -> None:
    book = TenantBook("acme", 3, dict.fromkeys(Source, 0))
    enter(book, Paid("acme", "support", NOON, 1, Decimal(1)), 0, 0)
    book.windows[NOON, "support"].changed = False

    assert unpack("acme", pack(book)).windows[NOON, "support"].changed


def test_a_mark_comes_back_the_same() -> None:
    mark = PartitionMark(NOON, {Source.RESPONSES: 17, Source.USAGE: 40})

    assert unpack_mark(pack_mark(mark)) == mark


def test_values_of_another_version_are_refused_with_a_way_out() -> None:
    newer = orjson.dumps({**orjson.loads(pack_mark(PartitionMark())), "v": 2})

    with pytest.raises(UnknownValue, match="version 2"):
        unpack_mark(newer)


def test_a_tenants_key_belongs_to_its_partition_and_a_mark_to_its_own() -> None:
    assert partition_of(b"acme", 12) == partition_for(b"acme", 12)
    assert partition_of(mark_key(7), 12) == 7
    assert is_mark(mark_key(7))
    assert not is_mark(b"acme")
