"""Intake tells apart what it cannot decode from what it must refuse."""

from typing import Any

import orjson
import pytest

from schemas.codec import Undecodable
from schemas.envelope import Envelope, InvalidField, UnsupportedVersion, read_request, validate_request
from schemas.failures import Code
from schemas.versions import Upcasts

DOCUMENT: dict[str, Any] = {"request_id": "r-1", "tenant_id": "acme", "agent": "support", "input": "Hello"}


def read(**fields: object) -> Envelope:
    return read_request(orjson.dumps({**DOCUMENT, **fields}), [])


def complaint(**fields: object) -> str:
    with pytest.raises(InvalidField) as caught:
        validate_request(read(**fields))
    assert caught.value.code is Code.INVALID_FIELD
    return str(caught.value)


def test_a_good_record_is_read_and_accepted() -> None:
    envelope = read_request(
        orjson.dumps(DOCUMENT), [("traceparent", b"00-1-2-01"), ("schema", b"agent-request/1")]
    )

    request = validate_request(envelope)

    assert envelope == Envelope(DOCUMENT, "r-1", "acme", 1)
    assert (request.request_id, request.tenant_id, request.input) == ("r-1", "acme", "Hello")


@pytest.mark.parametrize("value", [None, b"", b"hello", b"[]", b"{", b"\xff"])
def test_a_value_that_is_no_json_object_cannot_be_decoded(value: bytes | None) -> None:
    with pytest.raises(Undecodable):
        read_request(value, [])


@pytest.mark.parametrize("request_id", [None, 7, "", "x" * 129, ["r"], True])
def test_without_a_valid_request_id_it_cannot_be_decoded(request_id: object) -> None:
    with pytest.raises(Undecodable, match="request_id must be a string of 1 to 128"):
        read(request_id=request_id)


@pytest.mark.parametrize("tenant_id", [None, 7, "", "t" * 129, "a b", "acme\n", "ä", {"id": "acme"}])
def test_without_a_valid_tenant_id_it_cannot_be_decoded(tenant_id: object) -> None:
    with pytest.raises(Undecodable, match="tenant_id must be a string of 1 to 128"):
        read(tenant_id=tenant_id)


@pytest.mark.parametrize("field", ["request_id", "tenant_id"])
def test_without_an_id_at_all_it_cannot_be_decoded(field: str) -> None:
    with pytest.raises(Undecodable, match=field):
        read_request(orjson.dumps({name: value for name, value in DOCUMENT.items() if name != field}), [])


def test_ids_of_128_characters_are_read_whatever_their_bytes() -> None:
    envelope = read(request_id="ä" * 128, tenant_id="t" * 128)

    assert validate_request(envelope).request_id == "ä" * 128


def test_a_future_version_cannot_be_decoded_even_if_the_value_could() -> None:
    with pytest.raises(UnsupportedVersion) as caught:
        read_request(orjson.dumps(DOCUMENT), [("schema", b"agent-request/2")])

    assert caught.value.version == 2
    assert isinstance(caught.value, Undecodable)


def test_of_repeated_schema_headers_the_last_one_holds() -> None:
    headers = [("schema", b"agent-request/2"), ("schema", b"agent-request/1")]

    assert read_request(orjson.dumps(DOCUMENT), headers).version == 1


def test_an_older_version_is_validated_in_its_current_form_and_kept_as_it_was() -> None:
    upcasts = Upcasts({"agent-request": 2}, {("agent-request", 1): lambda old: {**old, "agent": old["bot"]}})
    old = {"request_id": "r", "tenant_id": "t", "bot": "support", "input": ""}

    envelope = read_request(orjson.dumps(old), [], upcasts)
    request = validate_request(envelope, upcasts)

    assert (envelope.document, request.agent) == (old, "support")


def test_each_bad_field_is_named_with_what_is_expected() -> None:
    line = complaint(
        max_turns=0, priority="urgent", metadata={"colour": 7}, max_cost_usd=-1, agent="two words"
    )

    assert line == (
        "agent: must be an agent's name such as support, or name@version such as support@3 "
        '(got "two words"); '
        "priority: must be one of 'interactive', 'standard' or 'batch' (got \"urgent\"); "
        "max_turns: must be at least 1 (got 0); "
        'max_cost_usd: must be a decimal string of at least 0 in USD, such as "0.25" (got -1); '
        "metadata.colour: must be a string (got a number)"
    )


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"stream": "yes"}, 'stream: must be true or false (got "yes")'),
        ({"session_id": ""}, 'session_id: must have at least 1 character(s) (got "")'),
        ({"user_id": "u" * 300}, f'user_id: must have at most 256 characters (got "{"u" * 36}...)'),
        ({"max_turns": "3"}, 'max_turns: must be a whole number (got "3")'),
        ({"max_turns": 2.5}, "max_turns: must be a whole number (got 2.5)"),
        ({"metadata": [1]}, "metadata: must be a JSON object (got an array of 1)"),
        (
            {"metadata": {str(n): "" for n in range(17)}},
            "metadata: must have at most 16 entries (got an object of 17)",
        ),
        ({"parent": "r-0"}, 'parent: must be a JSON object (got "r-0")'),
        ({"parent": {"request_id": "r"}}, "parent.depth is missing"),
        ({"input": [1]}, "input: must hold JSON objects only; item 0 is none (got an array of 1)"),
        ({"deadline": "soon"}, "deadline: must be an RFC 3339 time with an offset"),
    ],
)
def test_complaints_are_readable(fields: dict[str, object], line: str) -> None:
    assert complaint(**fields).startswith(line)


def test_a_missing_field_is_called_missing() -> None:
    with pytest.raises(InvalidField, match=r"^agent is missing; input is missing$"):
        validate_request(read_request(b'{"request_id":"r","tenant_id":"t"}', []))


def test_private_text_is_not_repeated() -> None:
    line = complaint(input={"secret": "4711"}, metadata={"card": 4711, "flag": True})

    assert "4711" not in line


def test_a_long_list_of_complaints_is_cut() -> None:
    line = complaint(metadata={f"key-{n}": n for n in range(12)})

    assert line.count("; ") == 8
    assert line.endswith("; and 4 more")
    assert "\n" not in line


def test_huge_names_do_not_flood_the_message() -> None:
    assert len(complaint(metadata={"k" * 10_000: 1})) < 200
