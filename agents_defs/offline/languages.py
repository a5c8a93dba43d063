"""Tells by its most frequent words in which language a text is."""

from __future__ import annotations

from agents_defs.words import words

_WORDS = {
    "english": "the is my where and to of i you have what how not was it for please can do are",
    "german": "der die das ist ich wo meine mein und nicht eine einer seit wie was auf zu habe bitte kann",
    "french": "le la les est je où ma mon et pas une un depuis comment que pour vous ai puis sur",
    "spanish": "el los las es yo dónde donde mi y no una un desde cómo que por para está puedo tengo",
}
_CODES = {"en": "english", "de": "german", "fr": "french", "es": "spanish"}


def language_of(text: str) -> str | None:
    """`english`, `german`, `french` or `spanish`; None where no word tells."""
    spoken = words(text)
    counts = {name: sum(word in told.split() for word in spoken) for name, told in _WORDS.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else None


def chosen(choices: list[object], text: str) -> object | None:
    """The choice that names the text's language, also by its code."""
    language = language_of(text)
    named = [
        one for one in choices if isinstance(one, str) and _CODES.get(one.lower(), one.lower()) == language
    ]
    return named[0] if named else None
