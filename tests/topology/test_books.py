"""The books without a broker: counting, publishing, closing, and what a crash at any point leaves behind."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import decode
from schemas.metrics import MetricsRecord
from streams.book_entries import Unreadable
from streams.book_ports import Desk, Pace, Posting
from streams.book_values import mark_key, unpack, unpack_mark
from streams.bookkeeper import Bookkeeper
from streams.books import WINDOW_MS, Entry, Finished, Paid, Source
from tests.doubles.books import Crash, MemoryKafka, MemoryShelf, Session, SetClock

NOON = 1_795_262_400_000
DONE = Finished("acme", "support", NOON + 5_000, "completed", queued_ms=20, run_ms=1_500)
PAID = Paid("acme", "support", NOON + 5_000, 120, Decimal("0.0015"))

Totals = dict[tuple[str, str, int], tuple[int, int, Decimal]]


def told(kafka: MemoryKafka) -> Totals:
    """What a reader of the metrics holds: the last record of each window, tenant and agent."""
    records = [decode(MetricsRecord, emission.value) for emission in kafka.published]
    return {
        (record.tenant_id, record.agent, int(record.window_start.timestamp()) * 1000): (
            sum(record.counts.model_dump().values()),
            record.tokens,
            record.cost_usd,
        )
        for record in records
    }


def recount(kafka: MemoryKafka) -> Totals:
    """The same, from the sources alone."""
    counts: Counter[tuple[str, str, int]] = Counter()
    tokens: Counter[tuple[str, str, int]] = Counter()
    costs: dict[tuple[str, str, int], Decimal] = defaultdict(Decimal)
    for entries in kafka.sources.values():
        for entry in entries:
            key = (entry.tenant_id, entry.agent, entry.at_ms - entry.at_ms % WINDOW_MS)
            if isinstance(entry, Paid):
                tokens[key] += entry.tokens
                costs[key] += entry.cost_usd
            else:
                counts[key] += 1
    return {key: (counts[key], tokens[key], costs[key]) for key in counts.keys() | tokens.keys()}


async def test_what_is_published_is_what_was_counted() -> None:
    kafka, clock = MemoryKafka(), SetClock()
    for entry in (DONE, replace(DONE, tenant_id="globex"), PAID, PAID):
        kafka.write(entry)

    await Session(kafka, clock).settle()

    assert told(kafka) == recount(kafka)


async def test_only_what_changed_is_published_again() -> None:
    kafka, clock = MemoryKafka(), SetClock()
    kafka.write(DONE)
    kafka.write(replace(DONE, tenant_id="globex"))
    session = Session(kafka, clock)
    await session.settle()
    already = len(kafka.published)
    kafka.write(PAID)

    await session.settle()

    assert [emission.key for emission in kafka.published[already:]] == [b"acme"]


async def test_nothing_is_released_before_it_is_in_the_changelog() -> None:
    kafka, clock = MemoryKafka(dies_after=0), SetClock()
    kafka.write(DONE)

    with pytest.raises(Crash):
        await Session(kafka, clock).settle()

    assert kafka.committed == {}


async def test_a_closed_window_is_published_once_more_and_leaves_a_tombstone_and_a_mark() -> None:
    kafka, clock = MemoryKafka(), SetClock()
    kafka.write(DONE)
    session = Session(kafka, clock)
    await session.settle()
    already = len(kafka.published)
    clock.advance(60 + 60 + 1)

    await session.settle()

    assert len(kafka.published) == already + 1
    assert (kafka.changelog[-1].key, kafka.changelog[-1].value) == (b"acme", None)
    mark = unpack_mark(kafka.table()[mark_key(0)])
    assert mark.closed_until == NOON + WINDOW_MS
    assert mark.next_offset[Source.RESPONSES] == 1
    assert session.bookkeeper.tenants == 0


async def test_a_window_stays_open_for_the_grace() -> None:
    kafka, clock = MemoryKafka(), SetClock()
    kafka.write(DONE)
    session = Session(kafka, clock)
    clock.advance(60 + 59)

    await session.settle()

    assert session.bookkeeper.tenants == 1


async def test_closing_one_window_keeps_the_tenants_others() -> None:
    kafka, clock = MemoryKafka(), SetClock()
    kafka.write(DONE)
    kafka.write(replace(DONE, at_ms=NOON + WINDOW_MS))
    session = Session(kafka, clock)
    clock.advance(60 + 60 + 1)

    await session.settle()

    book = unpack("acme", kafka.table()[b"acme"])
    assert set(book.windows) == {(NOON + WINDOW_MS, "support")}


async def test_markers_of_transactions_do_not_keep_windows_open() -> None:
    kafka, clock = MemoryKafka(markers=1), SetClock()
    kafka.write(DONE)
    session = Session(kafka, clock)
    clock.advance(60 + 60 + 1)

    await session.settle()

    assert session.bookkeeper.tenants == 0


async def test_what_is_delivered_again_after_its_window_closed_changes_nothing() -> None:
    kafka, clock = MemoryKafka(), SetClock()
    kafka.write(DONE)
    kafka.write(PAID)
    clock.advance(60 + 60 + 1)
    await Session(kafka, clock).settle()
    before, already = told(kafka), len(kafka.published)
    kafka.committed.clear()

    session = Session(kafka, clock)
    await session.settle()

    assert told(kafka) == before
    assert len(kafka.published) == already
    assert session.bookkeeper.figures.repeated == 2


async def test_what_comes_late_does_not_touch_what_was_closed() -> None:
    kafka, clock = MemoryKafka(), SetClock()
    kafka.write(DONE)
    clock.advance(60 + 60 + 1)
    await Session(kafka, clock).settle()
    kafka.write(DONE)

    session = Session(kafka, clock)
    await session.settle()

    assert told(kafka) == {
        ("acme", "support", NOON): (1, 0, Decimal(0)),
        ("acme", "support", NOON + WINDOW_MS): (1, 0, Decimal(0)),
    }
    assert session.bookkeeper.figures.late == 1


async def test_a_record_that_is_not_ours_is_released_and_not_counted() -> None:
    kafka, released = MemoryKafka(), []
    session = Session(kafka, SetClock())
    await session.bookkeeper.open()

    posting = Posting(Unreadable(Source.USAGE, "no JSON"), 0, 0, lambda: released.append(0))
    session.bookkeeper.take(posting, session.bookkeeper.session)
    await session.bookkeeper.post()

    assert released == [0]
    assert session.bookkeeper.figures.unreadable == 1


async def test_what_a_rebalance_takes_away_is_neither_counted_nor_published() -> None:
    kafka, clock = MemoryKafka(), SetClock()
    kafka.write(DONE)
    session = Session(kafka, clock)
    await session.bookkeeper.open()
    session.deliver(Source.RESPONSES)

    session.bookkeeper.revoked()
    await session.bookkeeper.post()
    await session.bookkeeper.publish()

    assert (kafka.changelog, kafka.published, kafka.committed) == ([], [], {})


async def test_an_entry_in_hand_when_a_rebalance_began_is_not_counted_before_those_that_come_again() -> None:
    kafka, clock = MemoryKafka(), SetClock()
    for _ in range(3):
        kafka.write(DONE)
    session = Session(kafka, clock)
    in_hand, before = Posting(DONE, 0, 2, lambda: None), session.bookkeeper.session

    session.bookkeeper.revoked()
    session.bookkeeper.take(in_hand, before)
    session.bookkeeper.opened([0])
    session.bookkeeper.take(in_hand, before)
    await session.settle()

    assert told(kafka) == recount(kafka)


async def test_what_became_durable_after_a_rebalance_is_not_released() -> None:
    kafka, clock = MemoryKafka(), SetClock()
    kafka.write(DONE)
    session = Session(kafka, clock)
    await session.bookkeeper.open()
    session.deliver(Source.RESPONSES)
    kafka.meanwhile = session.bookkeeper.revoked

    await session.bookkeeper.post()

    assert len(kafka.changelog) == 1
    assert kafka.committed == {}


async def test_tenants_of_other_partitions_are_left_to_their_owner() -> None:
    kafka, clock = MemoryKafka(), SetClock()
    kafka.write(DONE)
    await Session(kafka, clock).settle()
    session = Session(kafka, clock)

    session.bookkeeper.opened([1])
    await session.bookkeeper.open()

    assert session.bookkeeper.tenants == 0


async def test_the_reader_waits_when_too_much_is_pending() -> None:
    kafka = MemoryKafka()
    desk = Desk(kafka, Session(kafka, SetClock()), SetClock(), Pace(most_pending=2))
    bookkeeper = Bookkeeper(MemoryShelf({}), desk, "m")
    bookkeeper.opened([0])
    await bookkeeper.open()
    for offset in range(2):
        bookkeeper.take(Posting(DONE, 0, offset, lambda: None), bookkeeper.session)

    waiting = asyncio.ensure_future(bookkeeper.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    await bookkeeper.post()

    await asyncio.wait_for(waiting, 1)


async def test_stopping_counts_and_publishes_what_was_taken_in() -> None:
    kafka = MemoryKafka()
    kafka.write(DONE)
    session = Session(kafka, SetClock())
    running = asyncio.ensure_future(session.bookkeeper.run())
    await asyncio.sleep(0)
    session.deliver(Source.RESPONSES)

    session.bookkeeper.stop()
    await asyncio.wait_for(running, 1)

    assert kafka.committed == {(Source.RESPONSES, 0): 1}
    assert told(kafka) == recount(kafka)


async def test_as_long_as_kafka_does_not_answer_nothing_is_counted() -> None:
    kafka = MemoryKafka(away=True)
    kafka.write(DONE)
    session = Session(kafka, SetClock())

    opened = await session.bookkeeper.open()
    session.deliver(Source.RESPONSES)
    await session.bookkeeper.post()

    assert not opened
    assert (kafka.changelog, kafka.committed) == ([], {})


# -- crashes

ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(["acme", "globex"]),
        st.sampled_from(["support", "research"]),
        st.integers(0, 5 * WINDOW_MS),
        st.integers(1, 9),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)
LIVES = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 8), st.integers(0, 200)), max_size=6
)


@settings(max_examples=200, deadline=None)
@given(ENTRIES, LIVES)
async def test_whatever_crashes_the_books_tell_what_a_recount_tells(
    drawn: Sequence[tuple[str, str, int, int, bool]], lives: Sequence[tuple[int, int, int, int]]
) -> None:
    kafka, clock = MemoryKafka(), SetClock()
    for tenant, agent, after_ms, n, paid in drawn:
        at_ms = NOON + after_ms
        entry: Entry = (
            Paid(tenant, agent, at_ms, n, Decimal(n))
            if paid
            else replace(DONE, tenant_id=tenant, agent=agent, at_ms=at_ms)
        )
        kafka.write(entry)

    for responses, usage, dies_after, seconds in lives:
        kafka.dies_after = dies_after
        await _live(Session(kafka, clock), responses, usage)
        clock.advance(seconds)
    kafka.dies_after = None
    await Session(kafka, clock).settle()

    assert told(kafka) == recount(kafka)


async def _live(session: Session, responses: int, usage: int) -> None:
    """Reads some of both sources, until it dies of it or is killed."""
    try:
        await session.bookkeeper.open()
        session.deliver(Source.RESPONSES, responses)
        session.deliver(Source.USAGE, usage)
        await session.bookkeeper.post()
        await session.bookkeeper.publish()
        session.deliver(Source.USAGE, usage)
        await session.bookkeeper.post()
    except Crash:
        return


# -- the Faust table
