"""The books' table on Faust, and the app that they are: recovery, rebalances, bindings."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace

from faust.types import TP

from streams.book_ports import Pace, Posting
from streams.books import Finished, Paid
from streams.books_topology import Books, BooksParts, build_books
from streams.options import KafkaOptions, StreamOptions
from streams.windows_table import EPOCH_HEADER, WindowsTable
from tests.doubles.books import MemoryKafka, SetClock

NOON = 1_795_262_400_000
DONE = Finished("acme", "support", NOON + 5_000, "completed", queued_ms=20, run_ms=1_500)
PAID = Paid("acme", "support", NOON + 5_000, 120, Decimal("0.0015"))

Totals = dict[tuple[str, str, int], tuple[int, int, Decimal]]


@dataclass
class ChangelogMessage:
    """One record of the changelog, as recovery hands it over."""

    key: bytes
    value: bytes | None
    epoch: int | None
    partition: int = 0

    @property
    def message(self) -> "ChangelogMessage":
        """Faust wraps messages in events; both in one here."""
        return self

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """The epoch of whoever wrote it."""
        return [] if self.epoch is None else [(EPOCH_HEADER, str(self.epoch).encode())]


def table_of(clock: SetClock) -> WindowsTable:
    """The table of an app that is not started."""
    kafka = MemoryKafka()
    return build_books(StreamOptions(), BooksParts(kafka, kafka.ends, clock)).table


def test_a_change_waits_to_be_sent_to_its_tenants_partition_with_the_epoch() -> None:
    clock = SetClock()
    table = table_of(clock)
    table.begin_epoch()

    table.put(b"acme", b"1")
    table.drop(b"acme")
    changes = table.unsent()

    assert [(change.key, change.value) for change in changes] == [(b"acme", b"1"), (b"acme", None)]
    assert {change.topic for change in changes} == {"penstock-books-windows-changelog"}
    assert {change.partition for change in changes} == {table.partition_for_key(b"acme")}
    assert changes[0].headers == [(EPOCH_HEADER, str(clock.ms()).encode())]
    assert table.unsent() == []


def test_recovery_passes_over_what_a_zombie_wrote() -> None:
    table = table_of(SetClock())

    table.apply_changelog_batch(
        [
            ChangelogMessage(b"acme", b"old owner", 1),
            ChangelogMessage(b"acme", b"new owner", 2),
            ChangelogMessage(b"acme", b"zombie", 1),
            ChangelogMessage(b"globex", b"new owner", 2),
            ChangelogMessage(b"globex", None, 1),
        ]
    )

    assert dict(table.contents()) == {b"acme": b"new owner", b"globex": b"new owner"}


def test_recovery_takes_tombstones_of_the_owner() -> None:
    table = table_of(SetClock())

    table.apply_changelog_batch([ChangelogMessage(b"acme", b"1", 1), ChangelogMessage(b"acme", None, 1)])

    assert dict(table.contents()) == {}


def test_an_epoch_is_later_than_any_that_was_seen_even_where_the_clock_is_behind() -> None:
    clock = SetClock()
    table = table_of(clock)
    table.apply_changelog_batch([ChangelogMessage(b"acme", b"1", clock.ms() + 60_000)])

    table.begin_epoch()
    table.put(b"acme", b"2")

    assert table.unsent()[0].headers == [(EPOCH_HEADER, str(clock.ms() + 60_001).encode())]


async def test_a_partition_that_is_gained_again_is_recovered_from_nothing() -> None:
    table = table_of(SetClock())
    changelog = table.changelog_topic_name
    key = b"acme"
    partition = table.partition_for_key(key)
    table.apply_changelog_batch([ChangelogMessage(key, b"of long ago", 5, partition)])

    await table.on_rebalance({TP(changelog, partition)}, set(), {TP(changelog, partition)})
    table.apply_changelog_batch([ChangelogMessage(b"x", b"1", 1, partition)])

    assert dict(table.contents()) == {b"x": b"1"}


# -- the Faust app


class StandInConsumer:
    """As much of the app's consumer as the books' callbacks see."""

    def __init__(self) -> None:
        self.flows = True
        self.acked: list[object] = []

    def stop_flow(self) -> None:
        """Nothing more is fetched."""
        self.flows = False

    def assignment(self) -> set[TP]:
        """What is ours."""
        return {TP("agent.responses", 0), TP("agent.usage", 0), TP("penstock-books-windows-changelog", 0)}

    def ack(self, message: object) -> None:
        """A record is released."""
        self.acked.append(message)


class StandInStream:
    """A stream of so many responses; `between` happens before each is handed over."""

    def __init__(self, values: Sequence[bytes], between: Callable[[], None] = lambda: None) -> None:
        self._values = values
        self._between = between

    def noack(self) -> "StandInStream":
        """It acknowledges nothing by itself."""
        return self

    async def events(self) -> AsyncIterator[SimpleNamespace]:
        """One after the other."""
        for offset, value in enumerate(self._values):
            self._between()
            message = SimpleNamespace(
                topic="agent.responses", partition=0, offset=offset, value=value, headers=(), generation_id=0
            )
            yield SimpleNamespace(message=message)


def app_of(kafka: MemoryKafka, pace: Pace | None = None) -> tuple[Books, StandInConsumer]:
    """An app that is not started, on a consumer that is none."""
    options = StreamOptions(kafka=KafkaOptions(partitions=1))
    books = build_books(options, BooksParts(kafka, kafka.ends, SetClock(), pace or Pace()))
    consumer = StandInConsumer()
    books.app._consumer = consumer  # type: ignore[assignment]  # a stand-in
    return books, consumer


async def test_nothing_is_let_in_between_recovery_and_the_seek_to_what_was_committed() -> None:
    books, consumer = app_of(MemoryKafka())
    books.app.flow_control.resume()

    await books.table.call_recover_callbacks()

    assert not consumer.flows
    assert not books.app.flow_control.is_active()
    assert books.bookkeeper.session is not None


async def test_what_is_read_is_counted_and_then_released() -> None:
    kafka = MemoryKafka()
    books, consumer = app_of(kafka)
    await books.table.call_recover_callbacks()
    (agent,) = books.app.agents.values()

    await agent.fun(StandInStream([b"{}", b"no JSON"]))
    await books.bookkeeper.open()
    assert consumer.acked == []
    await books.bookkeeper.post()

    assert [message.offset for message in consumer.acked] == [0, 1]  # type: ignore[attr-defined]
    assert books.bookkeeper.figures.unreadable == 2


async def test_an_event_that_waited_for_room_through_a_rebalance_is_left_to_come_again() -> None:
    books, _ = app_of(MemoryKafka(), Pace(most_pending=1))
    bookkeeper = books.bookkeeper
    await books.table.call_recover_callbacks()
    bookkeeper.take(Posting(DONE, 0, 0, lambda: None), bookkeeper.session)
    (agent,) = books.app.agents.values()
    reading = asyncio.ensure_future(agent.fun(StandInStream([b"no JSON"])))
    await asyncio.sleep(0)

    bookkeeper.revoked()
    await books.table.call_recover_callbacks()
    await asyncio.wait_for(reading, 1)
    await bookkeeper.open()
    await bookkeeper.post()

    assert bookkeeper.figures.unreadable == 0


def test_the_app_is_bound_to_its_topics_and_to_nothing_else() -> None:
    kafka = MemoryKafka()
    options = StreamOptions(kafka=KafkaOptions(app_id="p", topic_prefix="a.", partitions=5, worker_id="w1"))

    books = build_books(options, BooksParts(kafka, kafka.ends, SetClock()))

    (agent,) = books.app.agents.values()
    assert set(agent.channel.topics) == {"a.responses", "a.usage"}
    assert books.table.changelog_topic_name == "p-books-windows-changelog"
    assert books.table.changelog_topic.partitions == 5
    assert books.app.conf.id == "p-books"
    assert books.app.conf.consumer_group_instance_id == "w1-books"
    assert not books.app.conf.topic_allow_declare
