"""Records to bytes and back: the one place that knows how JSON is read and written."""

from typing import Any, ClassVar, TypeVar

import orjson
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from schemas.failures import Code
from schemas.invalid_fields import InvalidField
from schemas.record import WireRecord
from schemas.text import writable_json

# Deeper than any honest record, and far below what orjson and pydantic can write.
MAX_DEPTH = 128
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WRITER_DEPTH = 254
_TOO_DEEP = f"The value is nested more than {MAX_DEPTH} levels deep."

Record = TypeVar("Record", bound=WireRecord)


class Undecodable(ValueError):
    """The bytes are no record of ours; the message says why, in one sentence."""

    code: ClassVar[Code] = Code.UNDECODABLE


def encode(record: WireRecord) -> bytes:
    """JSON without the fields that are None; nulls inside `output`, `input` and `data` stay.

    Half a surrogate pair (a provider that cuts a text in the middle of a letter) is written as U+FFFD.
    ValueError for a value that JSON cannot hold, or one nested deeper than 254 levels.
    """
    try:
        return _write(record)
    except PydanticSerializationError:
        return _write(_writable_copy(record))


def _writable_copy(record: WireRecord) -> WireRecord:
    loose = {name: value for name, value in record if isinstance(value, str | dict | list)}
    try:
        return record.model_copy(update={name: writable_json(value) for name, value in loose.items()})
    except RecursionError as error:
        raise ValueError("a field is nested too deep to be written") from error


def _write(record: WireRecord) -> bytes:
    # No warnings: a record made by model_construct may hold "text" where validation leaves DeltaKind.TEXT.
    written: bytes = record.__pydantic_serializer__.to_json(
        record, exclude_none=True, exclude_unset=record.keeps_unset, warnings=False
    )
    return written


def decode(record_type: type[Record], data: bytes | None) -> Record:
    """The record, without the fields that it has beyond its type. Undecodable, or InvalidField."""
    document = decode_object(data)
    try:
        return record_type.model_validate(document)
    except ValidationError as error:
        raise InvalidField.of(error) from error


def amend(data: bytes, changes: dict[str, Any]) -> bytes:
    """The record with some fields replaced; all others stay, also those that this build does not know."""
    return orjson.dumps({**decode_object(data), **changes})


def decode_object(data: bytes | None) -> dict[str, Any]:
    value = decode_json(data)
    if not isinstance(value, dict):
        raise Undecodable(f"The value is JSON, but {_kind(value)} and not an object.")
    return value


def decode_json(data: bytes | None) -> Any:
    """Any JSON value. Of a repeated name the last one wins; integers beyond 64 bits become doubles."""
    if not data:
        raise Undecodable("The value is null (a tombstone)." if data is None else "The value is empty.")
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Undecodable(_why(data, error)) from error
    if _is_too_deep(data, value):
        raise Undecodable(_TOO_DEEP)
    return value


def _why(data: bytes, error: orjson.JSONDecodeError) -> str:
    if data.startswith(_BYTE_ORDER_MARK):
        return "The value starts with a byte order mark, which JSON does not allow."
    try:
        data.decode()
    except UnicodeDecodeError as wrong:
        return f"The value is not UTF-8: {wrong.reason} at byte {wrong.start}."
    # So orjson reports more than 1024 levels, closed again or not.
    if error.msg.startswith(("depth limit", "failed to allocate")):
        return _TOO_DEEP
    return f"The value is not JSON: {error}."


def _is_too_deep(data: bytes, value: Any) -> bool:
    """orjson refuses to write more levels than _WRITER_DEPTH: with some of our own around, it tells."""
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return False
    for _ in range(_WRITER_DEPTH - MAX_DEPTH):
        value = [value]
    try:
        orjson.dumps(value)
    except TypeError:
        return True
    return False


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list) else "a number"
