"""Dead letters as they are shown."""

from datetime import timedelta

import pytest

from app.operators import letter_text
from app.operators.letter_deeds import Deeds
from app.operators.letters import Letter
from schemas.dead_letters import DeadLetter, Original
from tests.doubles.operated import AT, audit, audit_record, letter

LATER = AT + timedelta(minutes=3)


def found(one: DeadLetter) -> Letter:
    return Letter(one, b"acme", 2, 9)


def test_all_that_is_known_is_told_of_one() -> None:
    deeds = Deeds()
    deeds.add_all([audit_record(audit(letter().dead_letter_id, "replay"))])
    one = letter(exception="ValueError: x", stack="Traceback\x1b[2J\n  line", attempts=2)

    said = letter_text.whole(found(one), deeds, LATER)

    assert "code       tool_failed at execution, retriable" in said
    assert "failed     2026-11-21T07:01:00.000Z (2 min 0 s ago)" in said
    assert "source     agent.requests 0@1" in said
    assert "done       replayed by ann@desk at 2026-11-21 07:00:00Z" in said
    assert "stack\n  Traceback\ufffd[2J\n    line" in said
    assert "header     schema: agent-request/1" in said
    assert '    "request_id": "r-1",' in said


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "none (a tombstone)"),
        (b"", "original (0 bytes)\n  (empty)"),
        (b"no json\x1b", "original (8 bytes)\n  no json\ufffd"),
        (b"\xff\x00", "original (2 bytes)\n  ff 00"),
        (b"\xff" * 300, "… and 44 bytes more"),
    ],
)
def test_an_original_that_is_no_json_is_shown_as_well_as_can_be(value: bytes | None, shown: str) -> None:
    one = letter(original=Original.of(None, value, [("h", None)]))

    said = letter_text.whole(found(one), Deeds(), LATER)

    assert shown in said
    assert "key        none\nheader     h: none" in said


def test_broken_base64_is_told() -> None:
    said = letter_text.whole(found(letter(original=Original(value="%%"))), Deeds(), LATER)

    assert "its base64 is broken" in said
    assert (
        letter_text.whole_document(found(letter(original=Original(value="%%"))), Deeds())["decoded"] is None
    )


def test_the_document_of_a_list_is_without_the_bytes() -> None:
    row, whole = (
        make(found(letter()), Deeds()) for make in (letter_text.document, letter_text.whole_document)
    )

    assert "original" not in row
    assert (row["place"], row["dropped"]) == ({"partition": 2, "offset": 9}, False)
    assert (whole["decoded"]["request_id"], "value" in whole["original"]) == ("r-1", True)
