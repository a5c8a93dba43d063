"""Other ways to read a text: what is encoded, spaced out, spelt with digits or written backwards in it."""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from agents_defs.guardrails.folding import folded, latinised
from agents_defs.guardrails.pieces import each, first, replaced

MAX_LAYERS = 3
MAX_DECODED = 20_000  # characters of one text that are decoded
LONGEST_KEPT = 64  # letters of a word that is remembered
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_TELLING = (
    "instruct",
    "previous",
    "ignore",
    "system",
    "prompt",
    "reveal",
    "rules",
    "password",
    "secret",
    "forget",
)
_SHIFTS = {
    shift: str.maketrans(_LETTERS, _LETTERS[shift:] + _LETTERS[:shift]) for shift in range(1, len(_LETTERS))
}
_ATBASH = str.maketrans(_LETTERS, _LETTERS[::-1])
_CIPHERS = [*_SHIFTS.values(), _ATBASH]
_UNDO = [*(_SHIFTS[len(_LETTERS) - shift] for shift in _SHIFTS), _ATBASH]
_ENCIPHERED = [
    (word.translate(table), undo) for table, undo in zip(_CIPHERS, _UNDO, strict=True) for word in _TELLING
]
_ENCIPHERED_ANY = re.compile("|".join(sorted({word[:4] for word, _ in _ENCIPHERED})))
_BACKWARDS = tuple(word[::-1] for word in _TELLING)
_LEET = str.maketrans("013457895@$!|+€£", "oieastbgsasiltee"[:16])
_LEET_L = str.maketrans("1|!", "lll")
# Where a pattern begins with a sign that most texts hold little of, most places are passed over quickly. The second of
# two patterns is the dear one; the first is part of all that it matches.
_MIXED_SIGN = re.compile(r"[0-9@$!|+€£](?:(?<=[a-z].)|(?=[a-z]))")
_MIXED = re.compile(r"[a-z][0-9@$!|+€£]|[0-9@$|+€£][a-z]")
_SPACED_SIGN = re.compile(
    r"[ .\-_*|/,~\u00b7]\w[ .\-_*|/,~\u00b7]{1,3}\w[ .\-_*|/,~\u00b7]{1,3}\w[ .\-_*|/,~\u00b7]"
)
_SPACED = re.compile(r"(?:(?<!\w)\w[ .\-_*|/,~\u00b7]{1,3}){4,2000}\w(?!\w)")
_PUNCTUATED = re.compile(r"[-._*~|/\\^+'’\"“”\u00b7](?<=[^\W\d_].)[-._*~|/\\^+'’\"“”\u00b7]?(?=[^\W\d_])")
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-]{12,}={0,2}")
_LONG_WORD = 12  # characters that `_BASE64` has at least
_HEX_SIGN = re.compile(r"[0-9a-fA-F][0-9a-fA-F](?:[ ,:]?(?:0x|\\x)?[0-9a-fA-F]{2}){2}")
_HEX = re.compile(r"(?:(?:0x|\\x)?[0-9a-fA-F]{2}[ ,:]?){8,}")
_BINARY_SIGN = re.compile(r"[01][01]{7}")
_BINARY = re.compile(r"(?:[01]{8}\s?){3,}")
_CODES_SIGN = re.compile(r"\d\d\d?[ ,;]{1,2}\d\d\d?[ ,;]{1,2}\d\d")
_CODES = re.compile(r"(?:\d{2,3}[ ,;]{1,2}){7,}\d{2,3}")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_ENTITY = re.compile(r"&(?:#\d{2,6}|#x[0-9A-Fa-f]{2,5}|[a-z]{2,6});")
_ESCAPE = re.compile(r"\\(?:u\{?([0-9A-Fa-f]{4})\}?|x([0-9A-Fa-f]{2}))")
_TAGS = re.compile("[\U000e0020-\U000e007e]{3,}")
_QUOTED = re.compile(r"[\"'“‘`]([^\"'“”‘’`\n]{1,200})[\"'”’`]")
_JOINED = re.compile(r"[\"'”’`]\s*(?:\+|,|&|\.|\bjoin|\bconcat|\bplus\b|\band\b|\bthen\b|\w+\s*=|;)")
_MORSE = re.compile(r"[.\-·–—][.\-·–—]{0,5}(?:[ /|]+[.\-·–—]{1,6}){7,}")
_PIG = re.compile(r"\b(?:[a-z]+ay)\b")
_WORD = re.compile(r"[a-z]+")
_MORSE_SIGNS = ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.."
_MORSE_LETTERS = dict(zip(_MORSE_SIGNS.split(), _LETTERS, strict=True))


RESPELT = frozenset({"lookalikes", "digits for letters", "spaced letters", "letters apart", "pieces"})
"""Views that hold much of what can be read in the text itself."""


@dataclass(frozen=True, slots=True)
class View:
    """A text as it can be read, too. `hidden`: who wrote it so did not want it to be seen."""

    text: str  # folded
    hidden: str = ""  # how it was hidden; "" is the text itself


def views(text: str, layers: int = MAX_LAYERS) -> Iterator[View]:
    """The text itself, and all that can be made out in it."""
    plain = folded(text)
    yield View(plain)
    yield from _respelt(plain)
    yield from _ciphered(plain)
    if layers > 0:
        for how, decoded in _decodings(text):
            for inner in views(decoded, layers - 1):
                yield View(inner.text, how)


def _respelt(plain: str) -> Iterator[View]:
    if not plain.isascii():
        latin = latinised(plain)
        if latin != plain and _WORD.search(latin):
            yield View(latin, "lookalikes")
            plain = latin
    if first(_MIXED_SIGN, plain) and _holds(_MIXED, plain, 2):
        lettered = plain.translate(_LEET)
        yield View(lettered, "digits for letters")
        yield View(plain.translate(_LEET_L).translate(_LEET), "digits for letters")
    if first(_SPACED_SIGN, plain) and first(_SPACED, plain):
        yield View(_SPACED.sub(_closed_up, plain), "spaced letters")
    if _holds(_PUNCTUATED, plain, 4):
        yield View(replaced(_PUNCTUATED, "", plain), "letters apart")
    fragments = [found[1] for found in each(_QUOTED, plain)]
    if len(fragments) > 1 and first(_JOINED, plain):
        yield View("".join(fragments), "pieces")
        yield View(" ".join(fragment.strip() for fragment in fragments), "pieces")


def _holds(pattern: re.Pattern[str], plain: str, many: int) -> bool:
    """Whether it is found so often."""
    return any(number >= many for number, _ in enumerate(each(pattern, plain), 1))


def _closed_up(found: re.Match[str]) -> str:
    """Letters that stand alone become words; wider gaps are the gaps between words."""
    spelt = found.group()
    gaps = re.findall(r"(?<=\w)[^\w]+(?=\w)|(?<=\w)_+(?=\w)", spelt)
    narrow = min(gaps, key=len) if gaps else " "
    parts = re.split(r"([ .\-_*|/,~\u00b7]+)", spelt)
    return "".join(
        " " if len(part) > len(narrow) and not part[0].isalnum() else part if part.isalnum() else ""
        for part in parts
    )


def _ciphered(plain: str) -> Iterator[View]:
    if any(word in plain for word in _BACKWARDS):
        yield View(plain[::-1], "backwards")
        yield View(" ".join(word[::-1] for word in plain.split()), "backwards")
    if any(map(_may_be_enciphered, set(_WORD.findall(plain)))):
        for undo in {id(undo): undo for word, undo in _ENCIPHERED if word in plain}.values():
            yield View(plain.translate(undo), "cipher")
    enough = plain.count(" ") // 3 + 3  # "may", "day" and "way" are in every text
    if plain.count("ay") >= enough and _holds(_PIG, plain, enough):
        yield View(_WORD.sub(_unpigged, plain), "pig latin")


def _may_be_enciphered(word: str) -> bool:
    return _looks_enciphered(word) if len(word) <= LONGEST_KEPT else first(_ENCIPHERED_ANY, word) is not None


@lru_cache(maxsize=16_384)
def _looks_enciphered(word: str) -> bool:
    """Remembered: the search is dear, and most words come again."""
    return _ENCIPHERED_ANY.search(word) is not None


def _unpigged(found: re.Match[str]) -> str:
    word = found.group()
    if not word.endswith("ay") or len(word) < 4:
        return word
    stem = word.removesuffix("ay")
    if stem[-1] in "wy" and stem[0] in "aeiou":
        return stem[:-1]
    tail = re.search(r"[^aeiou]+$", stem)
    return stem if tail is None else tail.group() + stem[: tail.start()]


def _decodings(text: str) -> Iterator[tuple[str, str]]:
    for how, sign, pattern, decode in _DECODERS:
        if not sign(text):
            continue
        found, budget = [], MAX_DECODED
        for match in each(pattern, text):
            budget -= len(match.group())
            if budget < 0:
                break
            decoded = decode(match.group())
            if decoded:
                found.append(decoded)
        if found:
            yield how, "\n".join(found)
    if _holds(_PERCENT, text, 4):
        yield "percent encoding", unquote(text)
    if _holds(_ENTITY, text, 4):
        yield "entities", html.unescape(text)
    if _ESCAPE.search(text):
        yield "escapes", _ESCAPE.sub(lambda one: chr(int(one[1] or one[2], 16)), text)


def _from_base64(found: str) -> str | None:
    body = found.rstrip("=").replace("-", "+").replace("_", "/")
    if body.isalpha() and (body.islower() or body.isupper() or body.istitle()):
        return None  # a long word
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return _readable(raw)


def _from_hex(found: str) -> str | None:
    digits = re.sub(r"0x|\\x|[ ,:]", "", found)
    try:
        return _readable(bytes.fromhex(digits[: len(digits) // 2 * 2]))
    except ValueError:
        return None


def _from_binary(found: str) -> str | None:
    return _readable(bytes(int(byte, 2) for byte in re.findall(r"[01]{8}", found)))


def _from_codes(found: str) -> str | None:
    numbers = [int(number) for number in re.findall(r"\d+", found)]
    return _readable(bytes(numbers)) if max(numbers) < 127 else None


def _from_tags(found: str) -> str | None:
    return "".join(chr(ord(tag) - 0xE0000) for tag in found)


def _from_morse(found: str) -> str | None:
    signs = found.replace("–", "-").replace("—", "-").replace("·", ".")
    words = re.split(r"\s*[/|]\s*| {2,}", signs)
    read = " ".join("".join(_MORSE_LETTERS.get(sign, "") for sign in word.split()) for word in words)
    return read.strip() or None


def _readable(raw: bytes) -> str | None:
    """Decoded bytes, if they are a text."""
    try:
        text = raw.decode("utf-8").strip("\x00")
    except UnicodeDecodeError:
        return None
    letters = sum(char.isalpha() or char.isspace() for char in text)
    return (
        text if len(text) > 5 and text.isprintable() | ("\n" in text) and letters > 0.7 * len(text) else None
    )


def _has(sign: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: first(sign, text) is not None


def _has_long_words(text: str) -> bool:
    return max(map(len, text.split()), default=0) >= _LONG_WORD


_Decoder = Callable[[str], str | None]
_DECODERS: tuple[tuple[str, Callable[[str], bool], re.Pattern[str], _Decoder], ...] = (
    ("invisible tags", lambda text: not text.isascii(), _TAGS, _from_tags),
    ("base64", _has_long_words, _BASE64, _from_base64),
    ("hex", _has(_HEX_SIGN), _HEX, _from_hex),
    ("binary", _has(_BINARY_SIGN), _BINARY, _from_binary),
    ("character codes", _has(_CODES_SIGN), _CODES, _from_codes),
    ("morse", lambda text: True, _MORSE, _from_morse),
)
"""How a text is decoded, and what tells quickly that there is nothing to decode."""
