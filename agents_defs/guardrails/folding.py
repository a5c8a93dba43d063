"""Folds a text into the form in which words are looked up: one case, no accents, nothing invisible."""

from __future__ import annotations

import re
import unicodedata

INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef]"
)
"""Characters that a reader does not see and a model does."""
_MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06ed\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0981-\u0983\u09bc-\u09cd\u0e31\u0e34-\u0e3a"
    "\u0e47-\u0e4e\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u3099\u309a\ufe20-\ufe2f]"
)
_LOOKALIKES = {
    "abcdehiklmnopqrstuvxyz": ("аЬсԁеһіκӏмпорԛгѕтυѵхуᴢ", "αвϲԀєнι\u049bլᴍη\u03c3ρզяѕτцνχγʐ"),
    "aebgihtrwmnodjkflpsuvyz": ("ᴀᴇʙɢɪʜᴛʀᴡᴍɴᴏᴅᴊᴋꜰʟᴘꜱᴜᴠʏᴢ", "ɐǝqƃᴉɥʇɹʍɯuopɾʞɟlpsnʌʎz"),
}
HOMOGLYPHS = {
    ord(looks): latin
    for latins, rows in _LOOKALIKES.items()
    for row in rows
    for latin, looks in zip(latins, row, strict=True)
    if not looks.isascii()
}
"""Letters of other alphabets that are drawn like Latin ones."""
_LOOKALIKE = re.compile(f"[{''.join(map(chr, HOMOGLYPHS))}]")


def folded(text: str) -> str:
    """For looking words up. Not for showing: accents and vowel signs are gone."""
    if text.isascii():
        return text.lower()
    seen = INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold()
    return unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFD", seen)))


def latinised(text: str) -> str:
    """A folded text in which lookalikes are the Latin letters that they look like."""
    return text.translate(HOMOGLYPHS) if _LOOKALIKE.search(text) else text
