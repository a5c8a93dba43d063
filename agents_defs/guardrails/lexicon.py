"""Words and what they stand for, in many languages: a text becomes a row of words with their meanings as bits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from agents_defs.guardrails.folding import folded
from agents_defs.guardrails.spellings import Spellings

_WORDS = Path(__file__).parent / "words"
DENSE = "\u0e00-\u0e7f\u2e80-\u2fdf\u3005-\u3007\u3021-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
"""Scripts that do not part words, or glue much to them."""
_TOKEN = re.compile(
    rf"(?P<dense>[{DENSE}](?:[{DENSE} ]*[{DENSE}])?)|(?P<word>[^\W{DENSE}]+|@)"
    r"|(?P<quote>[\"“”„«»`]+)|(?P<end>[.!?;…。！？；]+(?=\s|$|[\"”»)])|[。！？；]|\n\s*\n)"
)
_LONGEST_STEM = 16
LONGEST_KEPT = 64  # letters of a word that is kept with its meaning: no entry is longer
GLUED = 14  # letters of a word in which others may be hidden
_BEFORE = re.compile(
    "[\u05d4\u05d5\u05d1\u05dc\u05de\u05e9]{1,2}"  # Hebrew
    "|[\u0648\u0641]?(?:[\u0628\u0643]?\u0627\u0644|\u0644\u0644|[\u0628\u0643\u0644])?"  # Arabic
)
"""What is written together with the word that follows: `and`, `the`, `with`, `to`."""
_PREFIXED = frozenset("\u0648\u0641\u0628\u0643\u0644\u0627\u05d4\u05d5\u05d1\u05dc\u05de\u05e9")
_SHORTEST_LEFT = 3  # letters of the word that follows


@dataclass(slots=True)
class Row:
    """The words of a text. Sentences and quotations are told by what stands beside each word."""

    words: list[str] = field(default_factory=list)
    means: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    sentences: list[int] = field(default_factory=list)
    quoted: list[bool] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.words)


class Lexicon:
    """What words stand for: each meaning is one bit."""

    def __init__(self, meanings: Mapping[str, Iterable[str]], spelt: Iterable[str] = ()) -> None:
        self.bits = {name: 1 << number for number, name in enumerate(meanings)}
        self._exact: dict[str, int] = {}
        self._stems: dict[str, int] = {}
        self._dense: dict[str, list[tuple[str, int]]] = {}
        self.glued: dict[str, int] = {}
        """What runs of letters stand for, in scripts without gaps."""
        self._phrases: dict[tuple[str, str], list[tuple[tuple[str, ...], int]]] = {}
        self._openings: dict[str, list[tuple[str, int]]] = {}
        for name, entries in meanings.items():
            for entry in entries:
                self._add(folded(entry), self.bits[name])
        self._parts_of_phrases = {word for pair in self._phrases for word in pair} | set(self._openings)
        self._begin_phrases = {word for word, _ in self._phrases} | set(self._openings)
        self._spellings = Spellings(spelt)
        self._begin_spelt = {word[:end] for word in self._spellings.words for end in range(1, len(word))}
        self.meaning = lru_cache(maxsize=16_384)(self._looked_up)
        self._bits_of = lru_cache(maxsize=16_384)(self._bits)

    def _add(self, entry: str, bit: int) -> None:
        words = re.findall(rf"[\w{DENSE}]+\*?", entry)
        if not words:
            return
        if re.match(rf"[{DENSE}]", entry):
            glued = entry.replace(" ", "").rstrip("*")
            if len(glued) > 1:
                self._dense.setdefault(glued[:2], []).append((glued, bit))
                self.glued[glued] = self.glued.get(glued, 0) | bit
        elif len(words) == 1:
            table, key = (self._stems, words[0][:-1]) if words[0][-1] == "*" else (self._exact, words[0])
            table[key] = table.get(key, 0) | bit
        elif len(words) == 2 and words[1][-1] == "*":
            self._openings.setdefault(words[0], []).append((words[1][:-1], bit))
        else:
            plain = tuple(word.rstrip("*") for word in words)
            self._phrases.setdefault((plain[0], plain[1]), []).append((plain[2:], bit))

    def _looked_up(self, word: str) -> tuple[str, int]:
        """A word as it was meant, and what it stands for."""
        bits = self._bits(word)
        if not bits and word not in self._parts_of_phrases:
            meant = self._spellings.meant(word)
            if meant is not None:
                return meant, self._bits(meant)
        return word, bits

    def _bits(self, word: str) -> int:
        bits = self._exact.get(word, 0)
        for length in range(3, min(len(word), _LONGEST_STEM) + 1):
            bits |= self._stems.get(word[:length], 0)
        if bits or not word or word[0] not in _PREFIXED:
            return bits
        found = _BEFORE.match(word)
        end = found.end() if found else 0
        return self._exact.get(word[end:], 0) if 0 < end <= len(word) - _SHORTEST_LEFT else 0

    def meanings(self, words: list[str]) -> list[int]:
        """What each of some folded words stands for, alone or as the first of a phrase. Spellings are not mended."""
        known = words
        if max(map(len, words), default=0) > LONGEST_KEPT:
            known = [word[:LONGEST_KEPT] for word in words]
        row = Row(words, list(map(self._bits_of, known)))
        self._find_phrases(row)
        return row.means

    def bit(self, names: str) -> int:
        """`a|b`: either of them."""
        found = 0
        for name in names.split("|"):
            found |= self.bits[name]
        return found

    def row(self, text: str) -> Row:
        """A folded text as words with their meanings."""
        row = Row()
        sentence, quoted = 0, False
        for token in _TOKEN.finditer(text):
            kind = token.lastgroup
            if kind == "word":
                word = token.group()
                for part in self._spellings.parts(word) if len(word) >= GLUED else (word,):
                    meant = self.meaning(part) if len(part) <= LONGEST_KEPT else (part, self._bits(part))
                    _append(row, (*meant, token.start(), sentence, quoted))
            elif kind == "dense":
                self._densely(row, token, sentence, quoted)
            elif kind == "quote":
                quoted = not quoted
            else:
                sentence += 1
        if self._spellings.words:
            self._rejoin(row)
        self._find_phrases(row)
        return row

    def _densely(self, row: Row, token: re.Match[str], sentence: int, quoted: bool) -> None:
        """What is known of a run without words; the rest counts as words of two letters."""
        run, start, position, unknown = token.group().replace(" ", ""), token.start(), 0, 0
        while position < len(run):
            bits, longest = 0, 0
            for entry, bit in self._dense.get(run[position : position + 2], ()):
                if run.startswith(entry, position):
                    bits |= bit
                    longest = max(longest, len(entry))
            if bits or unknown == 1:
                _append(row, (run[position : position + 2], bits, start + position, sentence, quoted))
                unknown = 0
            else:
                unknown += 1
            position += 1

    def _rejoin(self, row: Row) -> None:
        """Words that were cut into pieces."""
        words, begin = row.words, self._begin_spelt
        for place in [place for place, word in enumerate(words[:-1]) if word in begin]:
            pair = words[place] + words[place + 1]
            if pair in self._spellings.words:
                words[place] = pair
            elif place + 2 < len(words) and pair + words[place + 2] in self._spellings.words:
                words[place] = pair + words[place + 2]
            else:
                continue
            row.means[place] |= self._bits(words[place])

    def _find_phrases(self, row: Row) -> None:
        words, means = row.words, row.means
        phrases, openings, begin = self._phrases, self._openings, self._begin_phrases
        for place in [place for place, word in enumerate(words[:-1]) if word in begin]:
            word, following = words[place], words[place + 1]
            for rest, bit in phrases.get((word, following), ()):
                if not rest or _matches(rest, words, place + 2):
                    means[place] |= bit
            for stem, bit in openings.get(word, ()):
                if following.startswith(stem):
                    means[place] |= bit


def _append(row: Row, entry: tuple[str, int, int, int, bool]) -> None:
    row.words.append(entry[0])
    row.means.append(entry[1])
    row.starts.append(entry[2])
    row.sentences.append(entry[3])
    row.quoted.append(entry[4])


def _matches(rest: tuple[str, ...], words: list[str], place: int) -> bool:
    if place + len(rest) > len(words):
        return False
    return all(wanted in ("_", words[place + ahead]) for ahead, wanted in enumerate(rest))


def read_words(*names: str) -> dict[str, list[str]]:
    """The files of `words/`: `meaning: entry, entry`; a meaning may come again."""
    found: dict[str, list[str]] = {}
    for name in names:
        for line in (_WORDS / f"{name}.txt").read_text(encoding="utf-8").splitlines():
            meaning, colon, entries = line.partition(":")
            if colon and not line.startswith("#"):
                found.setdefault(meaning.strip(), []).extend(one.strip() for one in entries.split(","))
    return found
