"""The second Faust app, the books: which topics it reads, and the table that it keeps."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from faust.types import TP

from streams.book_entries import read
from streams.book_keepers import NO_KEEPERS, Keepers
from streams.book_ports import Desk, Gauge, Pace, Place, Posting, Press, Progress
from streams.bookkeeper import Bookkeeper
from streams.books import Source
from streams.books_consumer import BooksConsumer, BooksTransport
from streams.options import StreamOptions
from streams.ports import Clock
from streams.tables import WINDOWS, books_app_id
from streams.topics import METRICS, RESPONSES, USAGE
from streams.topology import CommittedApp, app_settings
from streams.windows_table import WindowsTable

SUFFIX = "-books"
BUFFER = 4096
POLL_RECORDS = 1024


@dataclass(frozen=True, slots=True)
class BooksParts:
    """What the books are bound to. `ends` is one half of the gauge; the app's own consumer is the other."""

    press: Press
    ends: Callable[[Collection[int]], Awaitable[Mapping[Place, int]]]
    clock: Clock
    pace: Pace = field(default_factory=Pace)
    keepers: Keepers = NO_KEEPERS


@dataclass(frozen=True, slots=True)
class Books:
    """The app, and who writes for it."""

    app: "BooksApp"
    table: WindowsTable
    bookkeeper: Bookkeeper


class BooksApp(CommittedApp):
    """A Faust app on that transport."""

    def _new_transport(self) -> BooksTransport:
        return BooksTransport(self.conf.broker_consumer, self)


class ConsumerGauge:
    """How far there is to read, asked of Kafka, and how far was read, asked of the app's consumer."""

    def __init__(self, app: BooksApp, parts: BooksParts, topics: Mapping[Source, str]) -> None:
        self._app = app
        self._ends = parts.ends
        self._topics = topics

    async def ends(self, partitions: Collection[int]) -> Mapping[Place, int]:
        """The ends of both sources."""
        return await self._ends(partitions)

    async def progress(self, partitions: Collection[int]) -> Mapping[Place, Progress]:
        """How far they were fetched."""
        places = {
            TP(self._topics[source], partition): (source, partition)
            for source in Source
            for partition in partitions
        }
        found = await cast(BooksConsumer, self._app.consumer).progress(places)
        return {places[tp]: progress for tp, progress in found.items()}


def build_books(options: StreamOptions, parts: BooksParts) -> Books:
    """The app that reads responses and usage and keeps their windows. `Books.bookkeeper.run` is to be run."""
    kafka = options.kafka
    app = BooksApp(
        books_app_id(kafka.app_id),
        stream_buffer_maxsize=BUFFER,
        broker_max_poll_records=POLL_RECORDS,
        **app_settings(options, SUFFIX),
    )
    names = {
        Source.RESPONSES: RESPONSES.full_name(kafka.topic_prefix, kafka.app_id),
        Source.USAGE: USAGE.full_name(kafka.topic_prefix, kafka.app_id),
    }
    changelog = WINDOWS.changelog.full_name(kafka.topic_prefix, kafka.app_id)
    table = WindowsTable(app, WINDOWS, changelog, kafka.partitions, parts.clock)
    app.tables.add(table)
    metrics = METRICS.full_name(kafka.topic_prefix, kafka.app_id)
    gauge: Gauge = ConsumerGauge(app, parts, names)
    desk = Desk(parts.press, gauge, parts.clock, parts.pace)
    bookkeeper = Bookkeeper(table, desk, metrics, parts.keepers)
    _bind_sources(app, bookkeeper, names, kafka.partitions)
    _bind_ownership(app, table, bookkeeper, names[Source.RESPONSES])
    return Books(app, table, bookkeeper)


def _bind_sources(
    app: BooksApp, bookkeeper: Bookkeeper, names: Mapping[Source, str], partitions: int
) -> None:
    sources = {name: source for source, name in names.items()}

    def posting(message: Any) -> Posting:
        source = sources[message.topic]
        entry = read(source, message.value, message.headers or (), message.partition, partitions)
        message.value = None  # nothing but the entry is kept
        return Posting(entry, message.partition, message.offset, _acknowledgement(app, message))

    async def books(stream: Any) -> None:
        """Read as long as there is room. It must not yield: Faust would answer to any topic that is asked."""
        async for event in stream.noack().events():
            message, session = event.message, bookkeeper.session
            await bookkeeper.room()
            if session is None or message.generation_id != app.consumer_generation_id:
                continue  # read before a rebalance: it is delivered again, to whoever owns it
            try:
                bookkeeper.take(posting(message), session)
            except Exception as error:
                await app.crash(error)  # Faust would go on with the next, and this one were never counted
                raise

    topic = app.topic(
        *names.values(),
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
        allow_empty=True,
        partitions=partitions,
    )
    app.agent(topic, name="books", concurrency=1)(books)


def _acknowledgement(app: BooksApp, message: Any) -> Callable[[], object]:
    def acknowledge() -> object:
        if message.generation_id != app.consumer_generation_id:
            return None
        return app.consumer.ack(message)

    return acknowledge


def _bind_ownership(app: BooksApp, table: WindowsTable, bookkeeper: Bookkeeper, topic: str) -> None:
    async def revoked(*_: Any, **__: Any) -> None:
        bookkeeper.revoked()

    async def recovered() -> None:
        """Called when the table is complete, and before the first event is delivered.

        Faust lets events in before it seeks to what was committed, and then clears its queues: what was in
        them is lost. So nothing is let in until it resumes all of it, which is after both.
        """
        app.consumer.stop_flow()
        app.flow_control.suspend()
        table.begin_epoch()
        bookkeeper.opened([tp.partition for tp in app.consumer.assignment() if tp.topic == topic])

    app.on_partitions_revoked.connect(revoked, weak=False)
    table.on_recover(recovered)
