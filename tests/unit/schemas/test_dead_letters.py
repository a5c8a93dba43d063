"""A dead letter gives back the exact bytes that it was made from."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import decode, encode
from schemas.dead_letters import DeadLetter, DeadLetterSource, Original, RawRecord, dead_letter_id
from schemas.failures import Code, Stage

AT = datetime(2026, 11, 21, 7, 5, 38, 123_000, tzinfo=UTC)
maybe_bytes = st.none() | st.binary(max_size=50)
header_lists = st.lists(st.tuples(st.text(max_size=5), maybe_bytes), max_size=4)


def letter(original: Original, **fields: object) -> DeadLetter:
    return DeadLetter.model_validate(
        {
            "dead_letter_id": dead_letter_id("agent.requests", 3, 42),
            "code": Code.UNDECODABLE,
            "stage": Stage.INTAKE,
            "retriable": False,
            "message": "The value is empty.",
            "source": DeadLetterSource(topic="agent.requests", partition=3, offset=42, timestamp=AT),
            "original": original,
            "failed_at": AT,
            **fields,
        }
    )


@settings(deadline=None)
@given(maybe_bytes, maybe_bytes, header_lists)
def test_the_exact_bytes_come_back(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    written = encode(letter(Original.of(key, value, headers)))

    assert decode(DeadLetter, written).original.raw() == RawRecord(key, value, tuple(headers))


def test_null_and_empty_are_told_apart() -> None:
    nulls = orjson.loads(encode(letter(Original.of(None, None, [("h", None)]))))["original"]
    empties = orjson.loads(encode(letter(Original.of(b"", b"", [("h", b"")]))))["original"]

    assert nulls == {"headers": [{"name": "h"}]}
    assert empties == {"key": "", "value": "", "headers": [{"name": "h", "value": ""}]}


def test_what_is_no_base64_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="base64"):
        Original(value="no base64!").raw()


def test_a_long_stack_keeps_its_end_within_8_kib() -> None:
    stack = "first\n" + "ä" * 9000 + "\nValueError: last"

    kept = letter(Original(), stack=stack).stack

    assert kept is not None
    assert len(kept.encode()) <= 8192
    assert kept.startswith("[... cut ...]\n")
    assert kept.endswith("ä\nValueError: last")


def test_a_short_stack_is_kept_whole() -> None:
    assert letter(Original(), stack="x" * 8192).stack == "x" * 8192


def test_text_that_has_no_utf_8_form_does_not_lose_the_letter() -> None:
    written = encode(letter(Original(), message="m\ud800", exception="e\udfff", stack="s\ud83d"))

    again = decode(DeadLetter, written)

    assert (again.message, again.exception, again.stack) == ("m\ufffd", "e\ufffd", "s\ufffd")


def test_id_depends_on_the_source_and_the_generation_only() -> None:
    same = dead_letter_id("agent.requests", 3, 42)

    assert same == dead_letter_id("agent.requests", 3, 42, 0)
    assert (
        len({same, dead_letter_id("agent.requests", 34, 2), dead_letter_id("agent.requests", 3, 42, 1)}) == 3
    )
    assert same != dead_letter_id("agent.request", 3, 42)
