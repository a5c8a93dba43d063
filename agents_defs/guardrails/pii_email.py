"""Finds e-mail addresses, also those that are spelt so that robots shall not find them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents_defs.guardrails.pieces import each, first

LONGEST_NAME, LONGEST_DOMAIN = 64, 254
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_DOMAIN = re.compile(
    rf"(?:{_LABEL}\.){{1,8}}(?:xn--[a-z0-9-]{{2,59}}|[^\W\d_]{{2,24}})(?![\w@])", re.IGNORECASE
)
_NAME = re.compile(r"[\w.+%'!#$*^~-]+\Z")
_EDGE = "'.!#*~^$-"
_FILES_TOLD = (
    "png jpg jpeg gif svg webp ico bmp pdf js mjs ts css scss json yaml yml xml html htm py rb go rs java "
    "jar so dll exe zip gz tgz txt csv log md"
)
_FILES = frozenset(_FILES_TOLD.split())
"""`icon@2x.png` is a picture, `tool@next.js` a package."""
_ROBOTS = frozenset({"git", "hg", "svn"})
_AT = r"[ \u00a0]?(?:[\[({<][ \u00a0]?(?:at|@|arroba|ät|klammeraffe|chez|kukac)[ \u00a0]?[\])}>])[ \u00a0]?"
_DOT = r"(?:[ \u00a0]?[\[({<][ \u00a0]?(?:dot|punkt|point|punto|ponto|\.)[ \u00a0]?[\])}>][ \u00a0]?|\.)"
_DISGUISED = re.compile(
    rf"(?<![\w.+-])[^\W_][\w+-]{{0,40}}(?:{_DOT}[\w+-]{{1,40}}){{0,4}}{_AT}[^\W_][\w-]{{0,60}}(?:{_DOT}[\w-]{{1,60}}){{0,4}}{_DOT}[^\W\d_]{{2,24}}(?!\w)",
    re.IGNORECASE,
)
_SPOKEN = re.compile(
    r"(?<![\w.+-])[^\W_][\w+-]{0,40}(?:(?: dot |\.)[\w+-]{1,40}){0,3} at [^\W_][\w-]{0,60}(?:(?: dot |\.)[\w-]{1,60}){0,3} dot [^\W\d_]{2,24}(?!\w)",
    re.IGNORECASE,
)
_BRACKETED = re.compile(
    r"[\[({<][ \u00a0]?(?:at|@|arroba|ät|klammeraffe|chez|kukac)[ \u00a0]?[\])}>]", re.IGNORECASE
)
_WIDE = str.maketrans({"\uff20": "@", "\ufe6b": "@", "\uff0e": ".", "\u3002": "."})


def addresses(text: str) -> Iterator[tuple[int, int]]:
    """The place of each address."""
    if not text.isascii():
        text = text.translate(_WIDE)
    at = text.find("@")
    while at >= 0:
        span = _around(text, at)
        if span is not None:
            yield span
        at = text.find("@", span[1] if span else at + 1)
    if first(_BRACKETED, text):
        yield from (match.span() for match in each(_DISGUISED, text))
    if " dot " in text.lower():
        yield from (match.span() for match in each(_SPOKEN, text))


def _around(text: str, at: int) -> tuple[int, int] | None:
    domain = _DOMAIN.match(text, at + 1, at + 1 + LONGEST_DOMAIN)
    if domain is None or domain.group().rpartition(".")[2].lower() in _FILES:
        return None
    before = _NAME.search(text[max(0, at - LONGEST_NAME) : at])
    if before is None:
        return None
    name = before.group().rpartition("..")[2].lstrip(_EDGE)
    if not name or name[0] == "%" or name[-1] == "." or _is_elsewhere(text, at, name, domain.end()):
        return None
    return at - len(name), domain.end()


def _is_elsewhere(text: str, at: int, name: str, end: int) -> bool:
    """Whether it names an account on a machine: in an address of the web, or of a repository."""
    if name.lower() in _ROBOTS and text[end : end + 1] in {":", "/"}:
        return True
    start = at - len(name)
    word = text[max(0, start - 2 * LONGEST_NAME) : start].rpartition(" ")[2]
    return "://" in word and "mailto" not in word.lower() and "?" not in word
