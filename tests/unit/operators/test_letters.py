"""Which dead letters are listed: by filters, the newest first, each once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.operators.letter_deeds import Deeds
from app.operators.letters import LetterBook, LetterFilter, read_letter
from schemas.dead_letters import Original
from schemas.failures import Code, Stage
from tests.doubles.operated import AT, audit, audit_record, letter, letter_record

UNREAD: dict[str, Any] = {"tenant_id": None, "request_id": None}


def shown(book: LetterBook) -> list[int]:
    return [row.letter.source.offset for row in book.rows()]


@pytest.mark.parametrize(
    ("wanted", "offsets"),
    [
        (LetterFilter(), [4, 3, 2, 1]),
        (LetterFilter(tenant="globex"), [3]),
        (LetterFilter(tenant="acme"), [4, 2, 1]),
        (LetterFilter(code="undecodable"), [4]),
        (LetterFilter(stage=Stage.INTAKE), [4]),
        (LetterFilter(stage=Stage.EXECUTION, retriable=False), [2]),
        (LetterFilter(retriable=True), [3, 1]),
        (LetterFilter(since=AT + timedelta(minutes=3)), [4, 3]),
        (LetterFilter(until=AT + timedelta(minutes=3)), [2, 1]),
        (LetterFilter(agent="support"), [3, 2, 1]),
        (LetterFilter(agent="support@1"), [3, 2, 1]),
        (LetterFilter(agent="support@2"), []),
        (LetterFilter(ids=(letter(2).dead_letter_id[:12], "zz")), [2]),
    ],
)
def test_each_filter_finds_its_own(wanted: LetterFilter, offsets: list[int]) -> None:
    book = LetterBook(wanted, 10)

    book.add_all(
        [
            letter_record(letter(1)),
            letter_record(letter(2, Code.INTERNAL)),
            letter_record(letter(3, tenant_id="globex"), b"globex"),
            letter_record(letter(4, Code.UNDECODABLE, original=Original.of(b"acme", b"\xff", []), **UNREAD)),
        ]
    )

    assert shown(book) == offsets
    assert book.skipped.line() is None


def test_only_the_newest_are_kept_however_many_come() -> None:
    book = LetterBook(LetterFilter(), 3)

    book.add_all(letter_record(letter(offset)) for offset in (*range(500, 1000), *range(500)))

    assert shown(book) == [999, 998, 997]
    assert book.matched == 1000
    assert len(book._rows) <= 2 * 3 + 100


def test_a_letter_that_was_written_twice_is_one() -> None:
    book = LetterBook(LetterFilter(), 10, frozenset({letter(2).dead_letter_id}))

    book.add_all([letter_record(letter(one), offset=place) for place, one in enumerate((1, 1, 2, 2))])

    assert (shown(book), book.matched, book.hid) == ([1], 1, 1)


def test_bytes_and_stacks_are_kept_only_where_they_are_asked_for() -> None:
    light, heavy = LetterBook(LetterFilter(), 1), LetterBook(LetterFilter(), 1, with_bytes=True)

    for book in (light, heavy):
        book.add_all([letter_record(letter(stack="Traceback"))])

    assert (light.rows()[0].letter.original.value, light.rows()[0].letter.stack) == (None, None)
    assert heavy.rows()[0].letter == letter(stack="Traceback")


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"[]", b'{"dead_letter_id": "x"}'])
def test_garbage_is_counted(value: bytes | None) -> None:
    book = LetterBook(LetterFilter(), 1)

    book.add_all([replace(letter_record(letter()), value=value)])

    assert book.skipped.line() == "1 record cannot be read and was skipped: agent.deadletter 0@0"


def test_a_letter_without_a_tenant_is_its_keys() -> None:
    keyed = read_letter(letter_record(letter(**UNREAD), b"k\xff"))
    keyless = read_letter(letter_record(letter(**UNREAD), None))

    assert keyed is not None
    assert keyless is not None
    assert (keyed.tenant, keyless.tenant) == ("k\ufffd", None)


def test_only_what_was_done_counts_as_done() -> None:
    deeds = Deeds()

    deeds.add_all(
        [
            audit_record(audit("dl_1")),
            audit_record(audit("dl_2", "replay")),
            audit_record(audit("dl_3", "replay", outcome="refused", code="not_found")),
            audit_record(audit("dl_4", "approve")),
            replace(audit_record(audit("dl_5")), value=b'{"action": "dlq_drop"'),
        ]
    )

    assert (set(deeds.dropped), set(deeds.replayed)) == ({"dl_1"}, {"dl_2"})
    assert deeds.line("dl_1") == "dropped by ann@desk at 2026-11-21 07:00:00Z"
    assert [deeds.mark(one) for one in ("dl_1", "dl_2", "dl_3")] == ["dropped", "replayed", ""]
