"""InvalidField: which fields of a record cannot be accepted, in one line that a person can act upon."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import ValidationError

from schemas.failures import Code
from schemas.fields import AGENT_PATTERN, TENANT_ID_PATTERN

_MOST_FIELDS = 8
_MOST_CHARACTERS = 40

# Pydantic's error types, in words that are the same whatever language the producer is written in.
_EXPECTED = {
    "missing": "is missing",
    "string_type": "must be a string",
    "string_too_short": "must have at least {min_length} character(s)",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "enum": "must be one of {expected}",
    "dict_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "tuple_type": "must be a JSON array",
    "list_type": "must be a JSON array",
    "too_short": "must have at least {min_length} entry",
    "too_long": "must have at most {max_length} entries",
}
_EXPECTED_BY_PATTERN = {
    AGENT_PATTERN: "must be an agent's name such as support, or name@version such as support@3",
    TENANT_ID_PATTERN: "must be 1 to 128 characters out of A-Z a-z 0-9 . _ : -",
}
# What stands in them is the caller's own text, maybe personal: it is not repeated in logs and dead letters.
_NEVER_SHOWN = frozenset({"input", "output", "metadata", "data"})


class InvalidField(ValueError):
    """The record can be read but not accepted; the message names each bad field and what is expected."""

    code: ClassVar[Code] = Code.INVALID_FIELD

    @classmethod
    def of(cls, error: ValidationError) -> "InvalidField":
        return cls(explain(error))


def explain(error: ValidationError) -> str:
    """`max_turns: must be at least 1 (got 0); metadata.color: must be a string (got a number)`."""
    details = error.errors(include_url=False)
    phrases = [_phrase(detail) for detail in details[:_MOST_FIELDS]]
    if len(details) > _MOST_FIELDS:
        phrases.append(f"and {len(details) - _MOST_FIELDS} more")
    return "; ".join(phrases)


def complaints(error: ValidationError) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The same one by one: the place, and what is expected there."""
    for detail in error.errors(include_url=False):
        yield detail["loc"], _said(detail)


def _phrase(detail: Mapping[str, Any]) -> str:
    where = ".".join(_short(str(part)) for part in detail["loc"])
    if detail["type"] == "missing" or not where:
        return f"{where} {_said(detail)}".strip()
    return f"{where}: {_said(detail)}"


def _said(detail: Mapping[str, Any]) -> str:
    context = detail.get("ctx", {})
    if detail["type"] == "value_error":
        expected = str(context["error"])
    elif context.get("pattern") in _EXPECTED_BY_PATTERN:
        expected = _EXPECTED_BY_PATTERN[context["pattern"]]
    elif detail["type"] in _EXPECTED:
        expected = _EXPECTED[detail["type"]].format_map(context)
    else:
        expected = str(detail["msg"])
    if detail["type"] == "missing" or not detail["loc"]:
        return expected
    shown = detail["loc"][0] not in _NEVER_SHOWN
    return f"{expected} (got {_show(detail['input'], literally=shown)})"


def _show(value: object, *, literally: bool) -> str:
    if value is None:
        return "null"
    if isinstance(value, dict):
        return f"an object of {len(value)}"
    if isinstance(value, list | tuple):
        return f"an array of {len(value)}"
    if not literally:
        return (
            "a string"
            if isinstance(value, str)
            else "true or false"
            if isinstance(value, bool)
            else "a number"
        )
    return _short(json.dumps(value, ensure_ascii=False, default=str))


def _short(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 3] + "..."
