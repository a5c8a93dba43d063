"""Takes English text apart: words, their stems, sentences, and which words say what a text is about."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from agents_defs.text_files import shipped

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_EMAIL = re.compile(r"\be-mail", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”\u2019)\]]*\s+|\n\s*\n|\n(?=\s*[-*•\d])")
# Tried in this order after a plural's s is cut; what is left keeps at least three letters.
_ENDINGS = ("ation", "ating", "ated", "ate", "ment", "ing", "ied", "ie", "ed", "er", "ly", "y", "e")
_DOUBLED = re.compile(r"([bdgklmnprt])\1$")
MIN_STEM = 3


def words(text: str) -> list[str]:
    """All words in lower case; names_like_this and likeThis are taken apart."""
    plain = _CAMEL.sub(" ", text.replace("_", " ").replace("\u2019", "'"))
    return [word.lower() for word in _WORD.findall(_EMAIL.sub("email", plain))]


def content_words(text: str) -> list[str]:
    """The words that say what the text is about, in order, each once."""
    return list(dict.fromkeys(word for word in words(text) if word not in fillers()))


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """The same for most forms of an English word; need not be a word itself."""
    word = word.removesuffix("'s")
    if word.endswith("s") and not word.endswith("ss") and len(word) > MIN_STEM:
        word = word[:-1]
    for _ in range(2):  # "delaying" and "delay" meet only where both endings are cut
        ending = next(
            (one for one in _ENDINGS if word.endswith(one) and len(word) - len(one) >= MIN_STEM), ""
        )
        word = _DOUBLED.sub(r"\1", word.removesuffix(ending))
    return word


@lru_cache(maxsize=2048)
def stems(text: str) -> tuple[str, ...]:
    """The stems of the words that say what the text is about, in order, each once."""
    return tuple(dict.fromkeys(stem(word) for word in content_words(text)))


def related(stemmed: str) -> frozenset[str]:
    """Stems of words that are used for the same subject, and the stem itself."""
    return _related().get(stemmed, frozenset()) | {stemmed}


def sentences(text: str) -> list[str]:
    """The sentences and the lines of lists, without empty ones."""
    return [" ".join(part.split()) for part in _SENTENCE_END.split(text) if part and part.strip()]


@cache
def fillers() -> frozenset[str]:
    """Words that are in every text, whatever it is about."""
    return frozenset(shipped("fillers"))


@cache
def _related() -> dict[str, frozenset[str]]:
    groups: dict[str, frozenset[str]] = {}
    for group in shipped("synonyms"):
        stemmed = frozenset(stem(word) for word in group)
        for one in stemmed:
            groups[one] = groups.get(one, frozenset()) | stemmed
    return groups
