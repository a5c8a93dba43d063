"""Every kind of record that no request is made of, and every field that can be wrong in one that is."""

import gzip
from dataclasses import dataclass
from typing import Any

from tests.doubles.requests import body

Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True)
class BadRecord:
    """What a producer got wrong. `value` and `key` stand in for those of an ordinary request."""

    name: str
    code: str
    value: Any
    key: bytes | None = b""  # empty: the tenant's own
    headers: Headers = ()


def deep(levels: int) -> bytes:
    """An ordinary request with a field of this depth."""
    inner = b"[" * levels + b"]" * levels
    return b'{"request_id":"r","tenant_id":"acme","agent":"support","input":"x","more":%b}' % inner


def raw(text: str) -> bytes:
    """The text as it stands."""
    return text.encode()


OLD_HEADER = (("schema", b"agent-request/0"),)

UNDECODABLE = (
    BadRecord("a tombstone", "undecodable", None),
    BadRecord("nothing", "undecodable", b""),
    BadRecord("random bytes", "undecodable", bytes(range(256))),
    BadRecord("text", "undecodable", raw("hello")),
    BadRecord("cut JSON", "undecodable", raw('{"request_id": "r", "tenant_id": "ac')),
    BadRecord("two documents", "undecodable", raw('{"request_id":"r","tenant_id":"acme"}{}')),
    BadRecord("an array", "undecodable", raw('[{"request_id":"r","tenant_id":"acme"}]')),
    BadRecord("a number", "undecodable", raw("17")),
    BadRecord("null", "undecodable", raw("null")),
    BadRecord("not UTF-8", "undecodable", b'{"request_id":"r","tenant_id":"acme","input":"\xff\xfe"}'),
    BadRecord("UTF-16", "undecodable", '{"request_id":"r","tenant_id":"acme"}'.encode("utf-16")),
    BadRecord("a byte order mark", "undecodable", b'\xef\xbb\xbf{"request_id":"r","tenant_id":"acme"}'),
    BadRecord("NaN", "undecodable", raw('{"request_id":"r","tenant_id":"acme","more":NaN}')),
    BadRecord("half a letter", "undecodable", raw(r'{"request_id":"\ud800","tenant_id":"acme"}')),
    BadRecord("compressed", "undecodable", gzip.compress(b'{"request_id":"r","tenant_id":"acme"}', mtime=0)),
    BadRecord("deeper than any", "undecodable", deep(5_000)),
    BadRecord("a number beyond all", "undecodable", raw('{"request_id":"r","tenant_id":"acme","n":1e999}')),
    BadRecord("no request_id", "undecodable", {"tenant_id": "acme", "agent": "support", "input": "x"}),
    BadRecord("an empty request_id", "undecodable", body("")),
    BadRecord("a long request_id", "undecodable", body("r" * 129)),
    BadRecord("a number as request_id", "undecodable", body() | {"request_id": 7}),
    BadRecord("no tenant_id", "undecodable", {"request_id": "r", "agent": "support", "input": "x"}),
    BadRecord("an empty tenant_id", "undecodable", body(tenant_id="")),
    BadRecord("a blank in tenant_id", "undecodable", body(tenant_id="ac me")),
    BadRecord("a line break in tenant_id", "undecodable", body(tenant_id="acme\n")),
    BadRecord("a long tenant_id", "undecodable", body(tenant_id="t" * 129)),
    BadRecord("a header that is none", "undecodable", body(), headers=(("schema", b"request-1"),)),
    BadRecord("another record's header", "undecodable", body(), headers=(("schema", b"usage/1"),)),
    BadRecord("a version that never was", "undecodable", body(), headers=OLD_HEADER),
)
UNSUPPORTED = (
    BadRecord("the next version", "unsupported_version", body(), headers=(("schema", b"agent-request/2"),)),
    BadRecord(
        "a far version, unreadable",
        "unsupported_version",
        b"\x00",
        headers=(("schema", b"agent-request/99"),),
    ),
)
MISPLACED = (
    BadRecord("no key", "key_mismatch", body(), key=None),
    BadRecord("another tenant's key", "key_mismatch", body(), key=b"globex"),
    BadRecord("a key in other letters", "key_mismatch", body(), key=b"ACME"),
    BadRecord("a key with more behind it", "key_mismatch", body(), key=b"acme\x00"),
    BadRecord("a key that is no text", "key_mismatch", body(), key=b"\xff\x00\xfe"),
)
DEAD_LETTERED = (*UNDECODABLE, *UNSUPPORTED, *MISPLACED)

INVALID_FIELDS: dict[str, tuple[Any, ...]] = {
    "agent": (None, 7, "", "two words", "support@", "support@0", "@3", "x" * 129),
    "input": (None, 7, {}, [7], ["text"], [None], True),
    "session_id": ("", 7, "x" * 257, ["s"]),
    "user_id": ("", 7, "x" * 257),
    "stream": ("true", 1, "yes"),
    "priority": ("urgent", 1, "Standard"),
    "deadline": ("tomorrow", 1_700_000_000, "2026-01-01", "2026-01-01T00:00:00"),
    "not_before": ("soon",),
    "over_limit": ("queue", True),
    "model": ("", 7, "x" * 257),
    "max_turns": (0, -1, 1.5, "3", True),
    "max_cost_usd": ("much", -1, "-0.5", "1e5"),
    "metadata": (["a"], {"a": 1}, {"a": None}, {str(n): "x" for n in range(17)}),
    "parent": ("r-0", {"request_id": "", "depth": 1}, {"request_id": "r-0", "depth": -1}),
    "created_at": ("yesterday", 1_700_000_000),
}
