"""Canonical JSON is RFC 8785's on every path, and never a surprise."""

import enum
from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas import canonical
from schemas.canonical import canonical_json, request_sha256

LARGEST = 2**53 - 1
numbers = st.integers(-LARGEST, LARGEST) | st.floats(allow_nan=False, allow_infinity=False)
ascii_text = st.text(st.characters(max_codepoint=127), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None, max_examples=200)
@given(values)
@example({"\ue000": 1, "\U0001f600": 2})
@example({"b": '\x00\x1f\x7f\u2028\u2029"\\/\b\f\n\r\t', "a": [LARGEST, -LARGEST, True, None]})
@example([1.0, -0.0, 1e21, 1e-7, 0.1])
def test_it_is_what_rfc_8785_prescribes(value: Any) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)


@settings(deadline=None, max_examples=200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ascii_text, inner, max_size=4),
        max_leaves=20,
    )
)
def test_the_fast_path_is_taken_where_it_gives_the_same(value: Any) -> None:
    assert canonical._same_in_orjson(value)
    assert canonical_json(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("value", [1.0, LARGEST + 1, {"ä": 1}, [[{"a": [0.5]}]]])
def test_the_fast_path_is_not_taken_where_it_might_differ(value: Any) -> None:
    assert not canonical._same_in_orjson(value)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (2**53, b"9007199254740992"),
        (2**53 + 1, b"9007199254740992"),
        (-(2**63), b"-9223372036854776000"),
        ({"n": [10**30]}, b'{"n":[1e+30]}'),
    ],
)
def test_large_integers_are_written_as_their_nearest_double(value: Any, written: bytes) -> None:
    assert canonical_json(value) == written


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        [10**400],
        "\ud800",
        {"\ud800": 1},
        {1: 2},
        {"a": object()},
        {"a": 1.5, "b": b""},
        nested(5000),
    ],
)
def test_what_has_no_canonical_form_is_a_value_error(value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the kind is what callers rely on
        canonical_json(value)


class Colour(enum.StrEnum):
    RED = "red"


def test_enums_and_tuples_are_written_by_value() -> None:
    assert canonical_json({"colour": Colour.RED, "pair": (1, 2)}) == b'{"colour":"red","pair":[1,2]}'


def test_request_digest_leaves_out_created_at_and_nothing_else() -> None:
    document = {"request_id": "r", "created_at": "2026-11-21T07:00:00Z", "later": [1.50, "ä"]}

    digest = request_sha256(document)

    assert digest == sha256('{"later":[1.5,"ä"],"request_id":"r"}'.encode()).hexdigest()
    assert digest == request_sha256({**document, "created_at": "another time"})
    assert digest != request_sha256({**document, "request_id": "s"})
    assert "created_at" in document


def test_request_digest_does_not_depend_on_the_order_of_fields() -> None:
    assert request_sha256({"a": 1, "b": {"c": 1, "d": 2}}) == request_sha256({"b": {"d": 2, "c": 1}, "a": 1})


def test_a_created_at_further_down_counts() -> None:
    assert request_sha256({"input": [{"created_at": 1}]}) != request_sha256({"input": [{"created_at": 2}]})
