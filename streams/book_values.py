"""The packed form of a tenant's book and of a partition's mark: the values of the table and its changelog."""

from decimal import Decimal
from typing import Any

import orjson

from schemas.money import format_usd
from schemas.partitions import partition_for
from streams.book_months import pack_month, unpack_month
from streams.book_spans import pack_spans, unpack_spans
from streams.books import PartitionMark, Source, Tally, TenantBook
from streams.policy.histograms import from_flat

VERSION = 1
MARK = b"#"  # no tenant id begins with it


class UnknownValue(Exception):
    """The table was written by a build whose values this one cannot read; the message says what to do."""


def mark_key(partition: int) -> bytes:
    """Where the mark of a partition is kept."""
    return MARK + str(partition).encode()


def is_mark(key: bytes) -> bool:
    """Whether this is a partition's key and not a tenant's."""
    return key.startswith(MARK)


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of the changelog that a key belongs to."""
    return int(key[1:]) if is_mark(key) else partition_for(key, partitions)


def pack_mark(mark: PartitionMark) -> bytes:
    """A partition's mark in bytes."""
    return orjson.dumps({"v": VERSION, "closed_until": mark.closed_until, "next": _offsets(mark.next_offset)})


def unpack_mark(value: bytes) -> PartitionMark:
    """The mark again."""
    document = _load(value)
    return PartitionMark(document["closed_until"], _by_source(document["next"]))


def pack(book: TenantBook) -> bytes:
    """A tenant's book in bytes: lists instead of names, for each change writes all of it."""
    windows = [
        [
            start // 1000,
            agent,
            tally.counts,
            tally.queued.flat(),
            tally.ran.flat(),
            tally.in_flight,
            tally.tokens,
            format_usd(tally.cost_usd),
        ]
        for (start, agent), tally in book.windows.items()
    ]
    document = {
        "v": VERSION,
        "partition": book.partition,
        "next": _offsets(book.next_offset),
        "windows": windows,
        "admitted": [number for pair in book.admitted.items() for number in pair],
    }
    if book.month is not None:
        document["month"] = pack_month(book.month)
    if book.spans:
        document["spans"] = pack_spans(book.spans)
    return orjson.dumps(document)


def unpack(tenant_id: str, value: bytes) -> TenantBook:
    """The book again."""
    document = _load(value)
    admitted = document["admitted"]
    book = TenantBook(
        tenant_id,
        document["partition"],
        _by_source(document["next"]),
        admitted=dict(zip(admitted[::2], admitted[1::2], strict=True)),
    )
    if (month := document.get("month")) is not None:
        book.month = unpack_month(month)
    book.spans = unpack_spans(document.get("spans", []))
    for start, agent, counts, queued, ran, in_flight, tokens, cost in document["windows"]:
        book.windows[start * 1000, agent] = Tally(
            counts, from_flat(queued), from_flat(ran), in_flight, tokens, Decimal(cost)
        )
    return book


def _load(value: bytes) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(value)
    if document["v"] != VERSION:
        raise UnknownValue(
            f"the books' table holds values of version {document['v']}, this build reads version {VERSION}: "
            "let the build that wrote them close its windows, or delete the records of the changelog"
        )
    return document


def _offsets(offsets: dict[Source, int]) -> list[int]:
    return [offsets[source] for source in Source]


def _by_source(offsets: list[int]) -> dict[Source, int]:
    return dict(zip(Source, offsets, strict=True))
