"""Requests before they are sent: filled in, checked as a worker would check them, and turned into bytes."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from pydantic import ValidationError

from schemas.codec import Undecodable, decode_object
from schemas.invalid_fields import explain
from schemas.requests import AgentRequest
from schemas.times import format_at
from streams.flow import input_bytes


class BadRequest(ValueError):
    """The request would not be accepted; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class SizeRules:
    """How large a request and its input may be."""

    max_request_bytes: int
    max_input_bytes: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request that is ready to be sent."""

    tenant_id: str
    request_id: str
    value: bytes
    stream: bool
    line: int | None = None  # of the file that it came from

    @property
    def key(self) -> tuple[str, str]:
        """What its outcome is known by."""
        return self.tenant_id, self.request_id

    @property
    def name(self) -> str:
        """What a person knows it by."""
        return self.request_id if self.line is None else f"line {self.line} ({self.request_id})"


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line of a file that is no request."""

    line: int
    why: str


def prepare(document: Mapping[str, Any], rules: SizeRules, at: datetime, line: int | None = None) -> Outgoing:
    """BadRequest where a worker would refuse it or could not read it."""
    filled = {"request_id": str(uuid.uuid4()), "created_at": format_at(at), **document}
    try:
        request = AgentRequest.model_validate(filled)
    except ValidationError as error:
        raise BadRequest(explain(error)) from None
    try:
        size = input_bytes(request.input)
        value = orjson.dumps(filled)
    except (UnicodeEncodeError, TypeError):
        raise BadRequest("the text is not valid UTF-8") from None
    if size > rules.max_input_bytes:
        raise BadRequest(
            f"the input has {size} bytes, at most {rules.max_input_bytes} are accepted "
            "(PENSTOCK_MAX_INPUT_BYTES)"
        )
    if len(value) > rules.max_request_bytes:
        raise BadRequest(
            f"the request has {len(value)} bytes, at most {rules.max_request_bytes} are accepted "
            "(PENSTOCK_MAX_REQUEST_BYTES)"
        )
    return Outgoing(request.tenant_id, request.request_id, value, request.stream, line)


def prepare_lines(
    lines: Iterable[bytes], defaults: Mapping[str, Any], rules: SizeRules, at: datetime
) -> tuple[Sequence[Outgoing], Sequence[BadLine]]:
    """One JSON object per line; what a line leaves out comes from `defaults`. Empty lines are skipped."""
    good: list[Outgoing] = []
    bad: list[BadLine] = []
    first_use: dict[tuple[str, str], int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            outgoing = prepare({**defaults, **decode_object(line.strip())}, rules, at, number)
        except (BadRequest, Undecodable) as error:
            bad.append(BadLine(number, str(error)))
            continue
        earlier = first_use.setdefault(outgoing.key, number)
        if earlier == number:
            good.append(outgoing)
        else:
            bad.append(BadLine(number, f"request_id {outgoing.request_id!r} is that of line {earlier}"))
    return good, bad
