"""Keeps the books: the one writer of the table, which counts, publishes, closes and only then acknowledges.

What was counted is in the changelog before its offset is released, so a crash repeats entries and loses none;
and a book knows how far it has read, so a repeated entry changes nothing. All writes happen in this one task,
and a change is never spread over two awaits.
"""

import asyncio
import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from schemas.codec import encode
from schemas.versions import schema_header
from streams.book_entries import Unreadable
from streams.book_keepers import NO_KEEPERS, Keepers
from streams.book_partitions import OpenPartition, forget_remade
from streams.book_ports import Desk, Figures, Place, PlacesUnknown, Posting, Shelf
from streams.book_values import is_mark, mark_key, pack, pack_mark, unpack, unpack_mark
from streams.books import Counted, PartitionMark, Source, TenantBook, close, due, enter, metrics
from streams.flow import Emission

METRICS_HEADERS = [schema_header("metrics")]
RETRY_S = 1.0


class Bookkeeper:
    """Takes entries in, in the order of their partition, and does everything else in `run`."""

    def __init__(self, shelf: Shelf, desk: Desk, topic: str, keepers: Keepers = NO_KEEPERS) -> None:
        self._shelf: Final = shelf
        self._press: Final = desk.press
        self._gauge: Final = desk.gauge
        self._clock: Final = desk.clock
        self._pace: Final = desk.pace
        self._topic: Final = topic
        self._keepers: Final = keepers
        self._audits: list[Emission] = []
        self.telling: asyncio.Task[None] | None = None  # the store, of what it forgot: it may take long
        self._gained: frozenset[int] | None = None
        self.kafka_answers = True  # to the last question
        self.session: object | None = None  # from `opened` to `revoked`
        self._owned: dict[int, OpenPartition] = {}
        self._books: dict[str, TenantBook] = {}
        self._pending: list[Posting] = []
        self._half_full = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._stop = asyncio.Event()
        self.figures = Figures()

    # -- the stream's side

    async def room(self) -> None:
        """Wait until one more entry may be taken in."""
        if not self._room.is_set():
            await self._room.wait()

    def take(self, posting: Posting, session: object) -> None:
        """Take in the next entry of its partition, if it was read in the present session.

        One of an earlier session is delivered again, after those before it that were not counted; counted
        now, it would make them look as if they had been.
        """
        if session is not self.session:
            return
        self._pending.append(posting)
        if len(self._pending) >= self._pace.most_pending // 2:
            self._half_full.set()
        if len(self._pending) >= self._pace.most_pending:
            self._room.clear()

    def revoked(self) -> None:
        """A rebalance began. What is not counted yet is delivered again, here or elsewhere."""
        self.session = None
        self._gained = None
        self._owned = {}
        self._books = {}
        self._audits = []
        self._empty()

    def opened(self, partitions: Collection[int]) -> None:
        """The table of these partitions is recovered, and they are ours."""
        self.session = object()
        self._gained = frozenset(partitions)

    @property
    def tenants(self) -> int:
        """How many tenants have open windows, or a month that is counted."""
        return len(self._books)

    @property
    def months(self) -> int:
        """How many tenants have a month that is counted."""
        return sum(1 for book in self._books.values() if book.month is not None)

    @property
    def pending(self) -> int:
        """Entries that were read and are not counted yet."""
        return len(self._pending)

    @property
    def partitions(self) -> frozenset[int]:
        """Those whose table was read."""
        return frozenset(self._owned)

    @property
    def opened_all(self) -> bool:
        """Whether nothing that was gained is still to be read."""
        return self._gained is None

    @property
    def counted_until_ms(self) -> int | None:
        """Everything that was written until then is counted; None while there is a partition not known of."""
        found = min((part.counted_until for part in self._owned.values()), default=0)
        return found or None

    def _empty(self) -> list[Posting]:
        pending, self._pending = self._pending, []
        self._half_full.clear()
        self._room.set()
        return pending

    # -- the writer's side

    async def run(self) -> None:
        """Work until `stop`, and then once more."""
        publish_at = self._clock.now() + self._pace.publish_every_s
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._half_full.wait(), self._pace.post_every_s)
            if not await self.open():
                await asyncio.sleep(RETRY_S)
                continue
            await self.post()
            if self._stop.is_set() or self._clock.now() >= publish_at:
                publish_at = self._clock.now() + self._pace.publish_every_s
                await self.publish()

    def stop(self) -> None:
        """Let `run` finish what it does and return; nothing is broken off half way."""
        self._stop.set()
        self._half_full.set()

    async def open(self) -> bool:
        """Read the table of what was gained. False when Kafka does not answer yet."""
        gained = self._gained
        if gained is None:
            return True
        try:
            ends = await self._gauge.ends(gained)
        except PlacesUnknown:
            return False
        if gained is self._gained:
            self._gained = None
            self._load(gained, ends)
        return True

    def _load(self, gained: Collection[int], ends: Mapping[Place, int]) -> None:
        contents = self._shelf.contents()
        self._owned = {partition: OpenPartition(_mark(contents, partition)) for partition in gained}
        books = (unpack(key.decode(), value) for key, value in contents.items() if not is_mark(key))
        self._books = {book.tenant_id: book for book in books if book.partition in gained}
        for partition, part in self._owned.items():
            mine = [book.next_offset for book in self._books.values() if book.partition == partition]
            forget_remade(partition, [part.mark.next_offset, *mine], ends)

    async def post(self) -> None:
        """Count what was taken in, make it durable, acknowledge it."""
        if self._gained is not None or not self._pending:
            return
        batch, owned = self._empty(), self._owned
        touched = {id(book): book for posting in batch if (book := self._count(posting)) is not None}
        for book in touched.values():
            self._shelf.put(book.tenant_id.encode(), pack(book))
        audits, self._audits = self._audits, []
        # First what is told of quotas: once the table says that it was told, nobody tells it again.
        await self._press.send([*audits, *self._shelf.unsent()])
        if owned is not self._owned:
            return  # what was recovered since may lack this batch: it is delivered again
        for posting in batch:
            owned[posting.partition].counted(posting.entry.source, posting.offset)
            posting.acknowledge()

    def _count(self, posting: Posting) -> TenantBook | None:
        """The book that the posting changed."""
        entry, part = posting.entry, self._owned[posting.partition]
        if isinstance(entry, Unreadable):
            self.figures.unreadable += 1
            self.figures.last_unreadable = entry.reason
            return None
        part.saw(entry.source, entry.at_ms)
        book = self._books.get(entry.tenant_id)
        if book is None:
            book = TenantBook(entry.tenant_id, posting.partition, dict(part.mark.next_offset))
        match enter(book, entry, posting.offset, part.mark.closed_until):
            case Counted.REPEATED:
                self.figures.repeated += 1
                return None  # also in its month
            case Counted.LATE:
                self.figures.late += 1
            case Counted.ONCE:
                self.figures.counted += 1
        self._audits += self._keepers.enter(book, entry)
        self._books[book.tenant_id] = book
        return book

    async def publish(self) -> None:
        """Publish what changed; then close the windows that nothing can be added to any more."""
        owned = self._owned
        if not owned:
            return
        await self._survey()
        if self.telling is not None and self.telling.done():
            self.telling.result()  # a mistake of ours ends the books
            self.telling = None
        if owned is not self._owned:
            return
        now_ms = self._now_ms()
        closing = {
            partition: until
            for partition, part in owned.items()
            if (until := part.settled_until(now_ms)) > part.mark.closed_until
        }
        ending = [
            (book, keys)
            for book in self._books.values()
            if book.partition in closing and (keys := list(due(book, closing[book.partition])))
        ]
        final = {(book.tenant_id, key) for book, keys in ending for key in keys}
        open_ = [
            (book, key)
            for book in self._books.values()
            for key, tally in book.windows.items()
            if tally.changed or (book.tenant_id, key) in final
        ]
        await self._press.send([self._emission(book, *key) for book, key in open_])
        self.figures.published += len(open_)
        for book, key in open_:
            book.windows[key].changed = False
        if owned is self._owned:
            await self._close(closing, ending)
        if owned is self._owned and self.telling is None:
            counted_until = {partition: part.counted_until for partition, part in owned.items()}
            self.telling = asyncio.create_task(self._keepers.tell(counted_until, self._books))

    def _emission(self, book: TenantBook, start: int, agent: str) -> Emission:
        value = encode(metrics(book, start, agent))
        return Emission(self._topic, book.partition, book.tenant_id.encode(), value, METRICS_HEADERS)

    async def _close(
        self, closing: Mapping[int, int], ending: Sequence[tuple[TenantBook, list[tuple[int, str]]]]
    ) -> None:
        """Marks first: whoever reads half of this after a crash closes the same windows again."""
        for partition, until in closing.items():
            self._owned[partition].mark.closed_until = until
        for partition in {book.partition for book, _ in ending}:
            self._shelf.put(mark_key(partition), pack_mark(self._owned[partition].mark))
        for book, keys in ending:
            self.figures.closed += len(keys)
            if close(book, keys) and not self._keepers.keeps(book):
                self._drop(book)
            else:
                self._shelf.put(book.tenant_id.encode(), pack(book))
        self._forget_idle(closing)
        await self._press.send(self._shelf.unsent())

    def _forget_idle(self, closing: Collection[int]) -> None:
        """Books without windows, whose month is over or not counted any more."""
        idle = [one for one in self._books.values() if not one.windows and one.partition in closing]
        for book in idle:
            if not self._keepers.keeps(book):
                self._drop(book)

    def _drop(self, book: TenantBook) -> None:
        self.figures.tombstones += 1
        del self._books[book.tenant_id]
        self._shelf.drop(book.tenant_id.encode())

    async def _survey(self) -> None:
        """Find out up to which moment everything was read, by partition and source."""
        owned, at_ms = self._owned, self._now_ms()
        try:
            ends = await self._gauge.ends(owned)
            progress = await self._gauge.progress(owned)
        except PlacesUnknown:
            self.kafka_answers = False
        else:
            self.kafka_answers = True
            for partition, part in owned.items():
                for source in Source:
                    place = (source, partition)
                    part.survey(source, ends[place], at_ms, progress.get(place))

    def _now_ms(self) -> int:
        return int(self._clock.at().timestamp() * 1000)


def _mark(contents: Mapping[bytes, bytes], partition: int) -> PartitionMark:
    value = contents.get(mark_key(partition))
    return PartitionMark() if value is None else unpack_mark(value)
