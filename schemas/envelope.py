"""Intake's first look at a record: can it be decoded, whose is it, and can it be accepted."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from schemas.codec import Undecodable, decode_object
from schemas.fields import TENANT_ID_PATTERN
from schemas.invalid_fields import InvalidField
from schemas.requests import AgentRequest
from schemas.versions import SCHEMA_HEADER, UPCASTS, UnsupportedVersion, Upcasts, parse_schema_header

__all__ = [
    "Envelope",
    "InvalidField",
    "Undecodable",
    "UnsupportedVersion",
    "read_request",
    "validate_request",
]

_NAME = "agent-request"
_TENANT_ID = re.compile(TENANT_ID_PATTERN, re.ASCII)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A record that can be decoded: it will have an outcome. `document` is as it was read, for its digest."""

    document: dict[str, Any]
    request_id: str
    tenant_id: str
    version: int


def read_request(
    value: bytes | None, headers: Sequence[tuple[str, bytes]], upcasts: Upcasts = UPCASTS
) -> Envelope:
    """Undecodable or UnsupportedVersion where there is nobody to answer: such a record is a dead letter."""
    declared: bytes | None = None
    for name, content in headers:
        if name == SCHEMA_HEADER:
            declared = content
    _, version = parse_schema_header(declared, _NAME)
    upcasts.check(_NAME, version)
    document = decode_object(value)
    request_id = document.get("request_id")
    if type(request_id) is not str or not 1 <= len(request_id) <= 128:
        raise Undecodable("The field request_id must be a string of 1 to 128 characters.")
    tenant_id = document.get("tenant_id")
    if type(tenant_id) is not str or _TENANT_ID.fullmatch(tenant_id) is None:
        raise Undecodable(
            "The field tenant_id must be a string of 1 to 128 characters out of A-Z a-z 0-9 . _ : -"
        )
    return Envelope(document, request_id, tenant_id, version)


def validate_request(envelope: Envelope, upcasts: Upcasts = UPCASTS) -> AgentRequest:
    """InvalidField where the request must be refused."""
    document = upcasts.to_current(_NAME, envelope.version, envelope.document)
    try:
        return AgentRequest.model_validate(document)
    except ValidationError as error:
        raise InvalidField.of(error) from error
