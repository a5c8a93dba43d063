"""Older records are brought up to date step by step; newer ones are refused by name."""

from typing import Any

import pytest

from schemas.catalogue import WIRE_TYPES
from schemas.codec import Undecodable
from schemas.failures import Code
from schemas.versions import (
    CURRENT_VERSIONS,
    UPCASTS,
    UnsupportedVersion,
    Upcasts,
    parse_schema_header,
    schema_header,
)


def name_the_words(document: dict[str, Any]) -> dict[str, Any]:
    return {"words": document["body"].split()}


def count_the_words(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "count": len(document["words"])}


PRETEND = Upcasts({"note": 2}, {("note", 0): name_the_words, ("note", 1): count_the_words})


def test_no_header_means_version_1() -> None:
    assert parse_schema_header(None) == ("agent-request", 1)
    assert parse_schema_header(None, "control") == ("control", 1)


def test_header_gives_name_and_version() -> None:
    assert parse_schema_header(b"agent-request/12") == ("agent-request", 12)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"agent-request",
        b"agent-request/",
        b"agent-request/x",
        b"agent-request/-1",
        b"agent-request/1.0",
        b"/1",
        b"\xff/1",
        "agent-request/²".encode(),
        b"agent-request/" + b"9" * 5000,
        b"AGENT-REQUEST/1",
        b"agent-response/1",
    ],
)
def test_a_malformed_or_foreign_header_is_undecodable(header: bytes) -> None:
    with pytest.raises(Undecodable) as caught:
        parse_schema_header(header)

    assert "agent-request" in str(caught.value)
    assert len(str(caught.value)) < 200


def test_written_header_is_read_back() -> None:
    for name, version in CURRENT_VERSIONS.items():
        key, value = schema_header(name)

        assert (key, parse_schema_header(value, name)) == ("schema", (name, version))


def test_every_wire_type_has_a_version() -> None:
    assert set(CURRENT_VERSIONS) == set(WIRE_TYPES)


@pytest.mark.parametrize(
    ("version", "document"),
    [
        (0, {"body": "a b"}),
        (1, {"words": ["a", "b"]}),
        (2, {"words": ["a", "b"], "count": 2}),
    ],
)
def test_every_older_version_becomes_the_current_one(version: int, document: dict[str, Any]) -> None:
    assert PRETEND.to_current("note", version, document) == {"words": ["a", "b"], "count": 2}


def test_a_future_version_is_refused_with_its_number() -> None:
    with pytest.raises(UnsupportedVersion) as caught:
        PRETEND.to_current("note", 3, {})

    assert (caught.value.name, caught.value.version, caught.value.current) == ("note", 3, 2)
    assert caught.value.code is Code.UNSUPPORTED_VERSION
    assert "note/3" in str(caught.value)


def test_a_version_that_never_was_is_undecodable() -> None:
    with pytest.raises(Undecodable, match="never was a record agent-request/0") as caught:
        UPCASTS.check("agent-request", 0)

    assert caught.value.code is Code.UNDECODABLE


def test_an_unknown_record_is_undecodable() -> None:
    with pytest.raises(Undecodable, match="no record of Penstock"):
        UPCASTS.check("agent-poem", 1)
