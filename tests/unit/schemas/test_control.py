"""Each command needs its own fields and says so."""

import orjson
import pytest

from schemas.codec import decode, encode
from schemas.control import Command, ControlCommand
from schemas.invalid_fields import InvalidField


@pytest.mark.parametrize(
    "fields",
    [
        {"command": "cancel", "request_id": "r"},
        {"command": "approve", "approval_id": "a", "arguments_digest": "d"},
        {"command": "reject", "approval_id": "a", "reason": "too much"},
        {"command": "pause", "actor": "ops"},
        {"command": "resume"},
        {"command": "replay", "dead_letter_id": "dl", "at": "2026-11-21T07:05:38.123Z"},
    ],
)
def test_a_complete_command_survives_the_wire(fields: dict[str, str]) -> None:
    command = decode(ControlCommand, orjson.dumps(fields))

    assert orjson.loads(encode(command)) == fields
    assert command.command in Command


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"command": "cancel"}, "cancel needs request_id"),
        ({"command": "approve"}, "approve needs approval_id and arguments_digest"),
        ({"command": "approve", "approval_id": "a"}, "approve needs arguments_digest"),
        ({"command": "reject", "request_id": "r"}, "reject needs approval_id"),
        ({"command": "replay", "request_id": "r"}, "replay needs dead_letter_id"),
        ({"command": "explode"}, "command: must be one of 'cancel', 'approve'"),
        ({}, "command is missing"),
        ({"command": "cancel", "request_id": ""}, "request_id: must have at least 1"),
    ],
)
def test_an_incomplete_command_says_what_it_needs(fields: dict[str, str], line: str) -> None:
    with pytest.raises(InvalidField) as caught:
        decode(ControlCommand, orjson.dumps(fields))

    assert str(caught.value).startswith(line)
