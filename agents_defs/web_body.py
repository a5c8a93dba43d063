"""Reads the body of an answer: no more of it than was agreed, neither on the wire nor unpacked."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from agents_defs.web_addresses import WebRefused

READABLE = frozenset(
    {
        "text/html",
        "application/xhtml+xml",
        "text/plain",
        "text/markdown",
        "text/csv",
        "text/xml",
        "application/xml",
        "application/json",
        "application/ld+json",
        "application/rss+xml",
        "application/atom+xml",
    }
)
_CHARSETS = (
    "utf-8",
    "ascii",
    "iso8859-",
    "cp125",
    "utf-16",
    "utf-32",
    "shift_jis",
    "euc",
    "gb",
    "big5",
    "koi8",
)


@dataclass(frozen=True, slots=True)
class Body:
    content: bytes
    cut: bool  # there was more


def readable_type(header: str) -> tuple[str, str]:
    """The type and the character set of an answer. Raises WebRefused where it is no text."""
    kind, _, parameters = header.partition(";")
    kind = kind.strip().lower()
    if kind not in READABLE:
        raise WebRefused(f"the answer is {kind[:80] or 'of no type'}: only texts are read")
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return kind, _charset(value.strip().strip("\"'"))
    return kind, "utf-8"


async def read_capped(chunks: AsyncIterator[bytes], encoding: str, most: int) -> Body:
    """At most so many bytes, packed and unpacked: a few can unpack to gigabytes, and many to nothing."""
    unpack = _unpacker(encoding)
    content, received = bytearray(), 0
    async for chunk in chunks:
        received += len(chunk)
        if received > most and not isinstance(unpack, _Plain):
            raise WebRefused("the answer is packed in a way that makes it larger")
        rest = chunk
        while rest:
            content += unpack.take(rest, most + 1 - len(content))
            if len(content) > most:
                return Body(bytes(content[:most]), cut=True)
            rest = unpack.left()
    return Body(bytes(content), cut=False)


class _Plain:
    def __init__(self) -> None:
        self._left = b""

    def take(self, chunk: bytes, most: int) -> bytes:
        self._left = chunk[most:]
        return chunk[:most]

    def left(self) -> bytes:
        return self._left


class _Packed:
    def __init__(self, window_bits: int) -> None:
        self._inflate = zlib.decompressobj(window_bits)

    def take(self, chunk: bytes, most: int) -> bytes:
        if self._inflate.eof:
            return b""
        try:
            return self._inflate.decompress(chunk, most)
        except zlib.error:
            raise WebRefused("the answer is packed in a way that cannot be unpacked") from None

    def left(self) -> bytes:
        """What was not unpacked for want of room. What follows the packed stream is not read."""
        return b"" if self._inflate.eof else self._inflate.unconsumed_tail


def _unpacker(encoding: str) -> _Plain | _Packed:
    match encoding.strip().lower():
        case "" | "identity":
            return _Plain()
        case "gzip" | "x-gzip":
            return _Packed(16 + zlib.MAX_WBITS)
        case "deflate":
            return _Packed(zlib.MAX_WBITS)
    raise WebRefused("the answer is packed in a way that was not asked for")


def _charset(name: str) -> str:
    """Python's codecs know more than character sets: only those that are some."""
    try:
        known = codecs.lookup(name[:40]).name
    except (LookupError, ValueError):
        return "utf-8"
    return known if known.startswith(_CHARSETS) else "utf-8"
