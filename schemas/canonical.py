"""Canonical JSON (RFC 8785), and the digest by which two requests are the same."""

from hashlib import sha256
from typing import Any

import orjson
import rfc8785

# Integers beyond this are not exact in the doubles that RFC 8785 prescribes.
_LARGEST_EXACT = 2**53 - 1


def canonical_json(value: Any) -> bytes:
    """RFC 8785. An integer beyond 2**53 - 1 is written as its nearest double, as a JavaScript writer does.

    ValueError for what has no such form: NaN, infinities, half a surrogate pair, integers beyond every
    double, nesting too deep to walk, and values that are not JSON.
    """
    try:
        if _same_in_orjson(value):
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        return rfc8785.dumps(_with_doubles(value))
    except (TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"has no canonical JSON: {error}") from error


def request_sha256(document: dict[str, Any]) -> str:
    """Hex digest of the record as read, without `created_at`: a producer's resend differs in nothing else."""
    if "created_at" in document:
        document = {name: value for name, value in document.items() if name != "created_at"}
    return sha256(canonical_json(document)).hexdigest()


def _same_in_orjson(value: Any) -> bool:
    """No floats (other digits), no large integers (other rule), only ASCII keys (other order beyond them)."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is dict:
        return all(
            type(key) is str and key.isascii() and _same_in_orjson(item) for key, item in value.items()
        )
    if kind is list:
        return all(map(_same_in_orjson, value))
    return kind is int and -_LARGEST_EXACT <= value <= _LARGEST_EXACT


def _with_doubles(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if -_LARGEST_EXACT <= value <= _LARGEST_EXACT else float(value)
    if isinstance(value, dict):
        return {key: _with_doubles(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_doubles(item) for item in value]
    return value
