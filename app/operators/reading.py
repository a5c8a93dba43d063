"""Reads what operators look at: requests that wait, dead letters, and what was done about those."""

from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from datetime import datetime

import typer

from app.client.places import Since
from app.client.record_filter import Raw
from app.operators.calls import Call, calls_of
from app.operators.letter_deeds import Deeds
from app.operators.letters import Letter, LetterBook, read_letter
from app.operators.skipped import Skipped
from app.operators.topic_scan import BEGINNING, scan
from app.operators.waiting import Waiting, WaitingBook
from streams.options import KafkaOptions
from streams.parked import Parked
from streams.topics import AUDIT, DEADLETTER, PARKED


async def waiting(
    kafka: KafkaOptions,
    tenant: str | None,
    wanted: Callable[[Parked], bool],
    *,
    with_bytes: bool = False,
) -> Sequence[Waiting]:
    """The requests that wait now, of one tenant or of all."""
    book = WaitingBook(lambda one: tenant in (None, one.tenant_id) and wanted(one), with_bytes)
    async with aclosing(scan(kafka, PARKED, tenant=tenant)) as batches:
        async for batch in batches:
            book.add_all(batch)
    tell_skipped(book.skipped)
    return book.rows()


async def calls(kafka: KafkaOptions, tenant: str | None) -> Sequence[Call]:
    """The tool calls that wait, and those of the same runs that are decided."""
    return calls_of(await waiting(kafka, tenant, lambda one: bool(one.approvals)))


async def deeds(kafka: KafkaOptions, since: datetime | None) -> Deeds:
    """What operators did about dead letters that are no older."""
    found = Deeds()
    start = BEGINNING if since is None else Since(since)
    async with aclosing(scan(kafka, AUDIT, start=start)) as batches:
        async for batch in batches:
            found.add_all(batch)
    return found


async def dealt_with(kafka: KafkaOptions, since: datetime | None) -> frozenset[str]:
    """The ids of dead letters that were dropped or replayed."""
    ids: set[str] = set()
    start = BEGINNING if since is None else Since(since)
    async with aclosing(scan(kafka, AUDIT, start=start)) as batches:
        async for batch in batches:
            found = Deeds()
            found.add_all(batch)
            ids |= found.dropped.keys() | found.replayed.keys()
    return frozenset(ids)


async def letter_records(
    kafka: KafkaOptions, since: datetime | None, *, told: bool
) -> AsyncGenerator[Raw, None]:
    """The records of the topic, one by one. `told`: the progress, on a terminal."""
    start = BEGINNING if since is None else Since(since)
    async with aclosing(scan(kafka, DEADLETTER, start=start, told=told)) as batches:
        async for batch in batches:
            for record in batch:
                yield record


async def letters(kafka: KafkaOptions, book: LetterBook) -> LetterBook:
    """Fill the book from the topic."""
    # A letter is written after it failed, so what was written earlier is too old.
    since = book.wanted.since
    start = BEGINNING if since is None else Since(since)
    async with aclosing(scan(kafka, DEADLETTER, start=start)) as batches:
        async for batch in batches:
            book.add_all(batch)
    tell_skipped(book.skipped)
    return book


async def letters_at(
    kafka: KafkaOptions, places: Collection[tuple[int, int]]
) -> AsyncGenerator[Letter, None]:
    """The dead letters at these places once more, now with their bytes."""
    left = set(places)
    if not left:
        return
    async with aclosing(scan(kafka, DEADLETTER, told=False)) as batches:
        async for batch in batches:
            for record in batch:
                if (record.partition, record.offset) not in left:
                    continue
                left.remove((record.partition, record.offset))
                if (found := read_letter(record)) is not None:
                    yield found
            if not left:
                return


def tell_skipped(skipped: Skipped) -> None:
    """On standard error, where there were any."""
    if line := skipped.line():
        typer.echo(line, err=True)
