"""Recognises a few words also where they are misspelt, jumbled, without vowels, stretched or glued together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

SHORTEST, LONGEST = 5, 16  # letters of a word that may be misspelt
SHORTEST_SKELETON = 5
_VOWELS = str.maketrans("", "", "aeiou")
_STRETCHED = re.compile(r"(.)\1+")


class Spellings:
    """A few words, and what is taken for them."""

    def __init__(self, words: Iterable[str]) -> None:
        self.words = frozenset(words)
        self._near: dict[str, str] = {}
        for word in sorted(self.words):
            if len(word) < SHORTEST:
                continue
            for variant in (word, *_shorter(word)):
                self._near.setdefault(variant, word)
            self._near.setdefault(_jumbled(word), word)
            skeleton = word.translate(_VOWELS)
            if len(skeleton) >= SHORTEST_SKELETON:
                self._near.setdefault("-" + skeleton, word)
        long = sorted((word for word in self.words if len(word) >= SHORTEST), key=len, reverse=True)
        self._inside = re.compile("|".join(long)) if long else None

    def meant(self, word: str) -> str | None:
        """The word that this one is a misspelling of."""
        if not SHORTEST - 1 <= len(word) <= LONGEST or not word.isascii():
            return None
        for variant in (word, _jumbled(word), _STRETCHED.sub(r"\1", word), *_shorter(word)):
            found = self._near.get(variant)
            if (
                found is not None
                and found[0] == word[0]
                and abs(len(found) - len(_STRETCHED.sub(r"\1", word))) <= 1
            ):
                return found
        return self._near.get("-" + word.translate(_VOWELS)) if not set(word) & set("aeiou") else None

    def parts(self, word: str) -> tuple[str, ...]:
        """`ignorepreviousinstructions` in its parts; other words as they are."""
        found = [] if self._inside is None else list(self._inside.finditer(word))
        if len(found) < 2:
            return (word,)
        parts, after = [], 0
        for one in found:
            parts += [word[after : one.start()], one.group()]
            after = one.end()
        return tuple(part for part in [*parts, word[after:]] if part)


def _shorter(word: str) -> Iterator[str]:
    """All that is left of a word without one of its letters."""
    return (word[:place] + word[place + 1 :] for place in range(1, len(word)))


def _jumbled(word: str) -> str:
    """The same for words that differ in the order of their inner letters."""
    return f"{word[0]}~{''.join(sorted(word[1:-1]))}~{word[-1]}" if len(word) > 1 else word
