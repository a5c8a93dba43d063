"""Finds characters that readers do not see, or that turn what they see around."""

from __future__ import annotations

import re

from agents_defs.guardrails.finding import Finding
from agents_defs.guardrails.pieces import each

_SUSPICIOUS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff\ue000-\uf8ff\ufdd0-\ufdef\ud800-\udfff"
    "\U000e0000-\U000e01ef\U000f0000-\U0010ffff]"
)
_ALWAYS = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\u034f\u202a-\u202e\u2060-\u206f\ufff9-\ufffb\ufffe\uffff\ue000-\uf8ff"
    "\ufdd0-\ufdef\ud800-\udfff\U000f0000-\U0010ffff]"
)
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_JOINING = re.compile(
    "[\u0600-\u08ff\u0900-\u0dff\u0f00-\u0fff\u1000-\u109f\u1780-\u18af\ufb50-\ufdff\ufe70-\ufefc]"
)
_WITHOUT_SPACES = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u9fff]")
_PICTURE = re.compile("[\u00a9\u00ae\u203c-\u3299\ufe0f\U0001f000-\U0001faff]")
_TAGGED_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{2,6}\U000e007f")
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
_MONGOLIAN = re.compile("[\u1800-\u18af]")
_IDEOGRAPH = re.compile("[\u3400-\u9fff\uf900-\ufaff]")
_MOST = 100


def control_characters(text: str) -> list[Finding]:
    """Those that have no business where they stand, 100 at most. Emoji and scripts that need joiners keep theirs."""
    if text.isascii() and text.isprintable():
        return []
    flags = {place for flag in each(_TAGGED_FLAG, text) for place in range(*flag.span())}
    found = []
    for match in _SUSPICIOUS.finditer(text):
        at = match.start()
        if at not in flags and not _fits(text, at):
            found.append(Finding("control_character", 1.0, at, at + 1))
            if len(found) == _MOST:
                break
    return found


def _fits(text: str, at: int) -> bool:  # noqa: PLR0911  one answer for each kind of character
    char = text[at]
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if _ALWAYS.match(char):
        return False
    if char in "\u200e\u200f\u061c":
        return bool(_RIGHT_TO_LEFT.search(text[max(0, at - 200) : at + 200]))
    if char in "\u200c\u200d":
        return _joins(char, text, at)
    if char == "\u200b":
        return bool(_WITHOUT_SPACES.match(before) and _WITHOUT_SPACES.match(after))
    if char == "\ufeff":
        return at == 0 and "\ufeff" not in text[1:2000]
    if "\ufe00" <= char <= "\ufe0f":
        return _selects(before)
    if "\U000e0100" <= char <= "\U000e01ef":
        return bool(_IDEOGRAPH.match(before))
    if char in "\u115f\u1160\u3164\uffa0":
        return bool(_HANGUL.match(before) and _HANGUL.match(after))
    if "\u180b" <= char <= "\u180f":
        return bool(_MONGOLIAN.match(before))
    return char in "\x0c\x85\u17b4\u17b5"


def _joins(char: str, text: str, at: int) -> bool:
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if _JOINING.match(before):
        return not after or not after.isascii() or after.isspace() or not after.isalnum()
    pictures = _PICTURE.match(before) and _PICTURE.match(after)
    return char == "\u200d" and bool(pictures)


def _selects(before: str) -> bool:
    """A selector of variants stands behind a picture, a sign, a digit of a key cap or an ideograph."""
    if not before or before.isspace() or "\ufe00" <= before <= "\ufe0f":
        return False
    return not before.isalpha() or bool(_IDEOGRAPH.match(before) or _PICTURE.match(before))
