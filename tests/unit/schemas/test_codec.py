"""What cannot be read is refused with a sentence, and what can be read comes back the same."""

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from schemas.codec import MAX_DEPTH, Undecodable, amend, decode, decode_json, decode_object, encode
from schemas.failures import Code
from schemas.invalid_fields import InvalidField
from schemas.record import WireRecord
from schemas.requests import AgentRequest


class Note(WireRecord):
    title: str
    body: Any = None
    tags: dict[str, Any] = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "null (a tombstone)"),
        (b"", "empty"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'{"a":"\xff"}', "not UTF-8: invalid start byte at byte 6"),
        (b'{"a":"\xed\xa0\x80"}', "not UTF-8"),
        (b'{"a":"\\ud800"}', "not JSON"),
        (b'{"a":NaN}', "not JSON"),
        (b'{"a":Infinity}', "not JSON"),
        (b'{"a":1e400}', "not JSON"),
        (b"{'a':1}", "not JSON"),
        (b'{"a":1,}', "trailing comma"),
        (b'{"a":1} x', "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 1000 + b"]" * 1000, "nested more than 128 levels"),
        (b"[" * 5000 + b"]" * 5000, "nested more than 128 levels"),
        (b"[" * 5000, "nested more than 128 levels"),
        (b'{"a":' * 129 + b"1" + b"}" * 129, "nested more than 128 levels"),
    ],
)
def test_what_is_no_json_is_undecodable_with_a_sentence(data: bytes | None, reason: str) -> None:
    with pytest.raises(Undecodable) as caught:
        decode_json(data)

    assert reason in str(caught.value)
    assert str(caught.value).startswith("The value is") or "starts with" in str(caught.value)
    assert caught.value.code is Code.UNDECODABLE


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"[]", "an array"),
        (b'"{}"', "a string"),
        (b"12", "a number"),
        (b"true", "true or false"),
        (b"null", "null"),
    ],
)
def test_json_that_is_no_object_is_undecodable(data: bytes, kind: str) -> None:
    with pytest.raises(Undecodable, match=f"{kind} and not an object"):
        decode_object(data)


def test_nesting_up_to_the_limit_is_read() -> None:
    data = b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH

    assert orjson.dumps(decode_json(data)) == data


def test_brackets_side_by_side_or_in_strings_are_no_nesting() -> None:
    value = {"text": "[{" * 500, "rows": [{"cells": []}] * 500}

    assert decode_json(orjson.dumps(value)) == value


def test_of_a_repeated_name_the_last_value_wins() -> None:
    assert decode_json(b'{"a":1,"a":2}') == {"a": 2}


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_but_undecodable(data: bytes) -> None:
    with suppress(Undecodable):
        decode_json(data)


def test_decode_ignores_what_it_does_not_know_and_names_what_is_wrong() -> None:
    assert decode(Note, b'{"title":"t","later":{"x":1}}') == Note(title="t")

    with pytest.raises(InvalidField, match=r"^title: must be a string \(got 5\)$"):
        decode(Note, b'{"title":5}')


def test_encode_leaves_out_none_and_keeps_nulls_inside() -> None:
    assert encode(Note(title="t", body=None)) == b'{"title":"t","tags":{}}'
    assert (
        encode(Note(title="t", body=[None], tags={"a": None}))
        == b'{"title":"t","body":[null],"tags":{"a":null}}'
    )


def test_encode_replaces_halves_of_surrogate_pairs_wherever_they_stand() -> None:
    note = Note(title="ok", body=["x\ud83d", {"\udc00": "é\ud800"}], tags={"a": "\udfff"})

    document = orjson.loads(encode(note))

    assert document == {"title": "ok", "body": ["x\ufffd", {"\ufffd": "é\ufffd"}], "tags": {"a": "\ufffd"}}


@pytest.mark.parametrize("levels", [300, 100_000])
def test_encode_of_a_bottomless_value_is_a_value_error(levels: int) -> None:
    bottomless: Any = "bottom"
    for _ in range(levels):
        bottomless = [bottomless]

    with pytest.raises(ValueError, match=r"nested|depth"):
        encode(Note(title="t", body=bottomless))


def test_encode_of_what_json_cannot_hold_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="serialize"):
        encode(Note(title="t", body=object()))


def test_integers_beyond_64_bits_do_not_disturb() -> None:
    item = decode_json(
        b'{"request_id":"r","tenant_id":"t","agent":"a","input":[{"n":123456789012345678901234567890}]}'
    )

    request = AgentRequest.model_validate(item)

    assert orjson.loads(encode(request))["input"] == [{"n": 1.2345678901234568e29}]


def test_amend_keeps_what_it_does_not_change() -> None:
    before = b'{"tenant_id":"acme","from_the_future":{"x":[1,null]},"paused":false}'

    after = amend(before, {"paused": True})

    assert after == b'{"tenant_id":"acme","from_the_future":{"x":[1,null]},"paused":true}'
