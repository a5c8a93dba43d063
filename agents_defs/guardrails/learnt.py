"""Weighs a text by what was learnt from labelled texts: words, pairs of words, their parts and their meanings.

A text is weighed in short windows, and its heaviest counts: an order at the end of a long letter is not thinned out.
`benchmarks.train_injection` writes the weights.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from agents_defs.guardrails.lexicon import DENSE, Lexicon

WEIGHTS = Path(__file__).parent / "words" / "injection_weights.txt"
SCALE = 32
"""Weights are stored as whole numbers, so many to one."""
WINDOWS = (14, 36)  # tokens: a sentence, and a few of them
REACH = 4  # tokens with a meaning before a token, that its own is paired with
LONGEST = 40  # letters of a token that are looked at
RUN = 6  # letters of scripts without gaps that are looked up together
KEPT = 30_000  # tokens and pairs of meanings whose weights are kept in memory
_TOKEN = re.compile(r"\w+|<!--|<\||<<|</|##+|!\[|://|```|--+|[\[{<@\"“„«]|\n\n")
_DENSE = re.compile(f"[{DENSE}]")


class Leaning(NamedTuple):
    """How much a text leans to one side, in logits, and which tokens make its heaviest window."""

    logit: float
    first: int
    tokens: tuple[str, ...]


class Learnt:
    """The weights of features, made ready to weigh texts."""

    def __init__(self, weights: Mapping[str, float], lexicon: Lexicon) -> None:
        self.weights = weights
        self.lexicon = lexicon
        self.start = weights.get("", 0.0)
        self._names = {bit: name for name, bit in lexicon.bits.items()}
        self._words: dict[str, tuple[float, int]] = {}
        self._pairs: dict[tuple[int, int], float] = {}
        self._runs: dict[str, tuple[float, int]] = {}

    def leaning(self, text: str) -> Leaning:
        """Of a folded text."""
        tokens = tokens_of(text)
        sums = [0.0, *accumulate(self._each(tokens))]
        best, place = heaviest(sums)
        return Leaning(self.start + best, place[0], tuple(tokens[place[0] : place[1]]))

    def reasons(self, tokens: tuple[str, ...], most: int = 8) -> list[tuple[str, float]]:
        """The features that spoke loudest for it. They may hold words of the text."""
        found: dict[str, float] = {}
        for of_token in self.features(tokens):
            for feature in of_token:
                if weight := self.weights.get(feature):
                    found[feature] = found.get(feature, 0.0) + weight
        return sorted(found.items(), key=lambda one: -one[1])[:most]

    def features(self, tokens: tuple[str, ...] | list[str]) -> Iterator[list[str]]:
        """Those of each token, with what stands before it."""
        before, last, run = "", "", ""
        meant: list[int] = []
        for token in tokens:
            bits = self.bits(token)
            found = [*parts_of(token), *self._meanings(bits), f"{last} {token}", f"{before} _ {token}"]
            run = _run(run, token)
            if run:
                together = self._of_run(run)
                found += [run[-3:], *self._meanings(together)]
                bits |= together
            for other in meant[-REACH:]:
                found += self._together(other, bits)
            if bits:
                meant.append(bits)
            before, last = last, token
            yield found

    def bits(self, token: str) -> int:
        """What a token stands for, also where it is misspelt."""
        return self.lexicon.meaning(token)[1] if len(token) <= LONGEST else 0

    def _of_run(self, run: str) -> int:
        """What the last letters of a script without gaps stand for."""
        glued, found = self.lexicon.glued, 0
        for length in range(2, len(run) + 1):
            found |= glued.get(run[-length:], 0)
        return found

    def _meanings(self, bits: int) -> list[str]:
        return [f"={self._names[bit]}" for bit in _single(bits)]

    def _together(self, first: int, second: int) -> list[str]:
        names = self._names
        return [f"{names[one]}>{names[other]}" for one in _single(first) for other in _single(second)]

    def _each(self, tokens: list[str]) -> Iterator[float]:
        """The weight of each token. The same as of `features`, with little work for texts of everyday."""
        known, weights, pairs, runs = self._words, self.weights, self._pairs, self._runs
        before, last, run = "", "", ""
        meant = (0,) * REACH
        for token in tokens:
            entry = known.get(token)
            if entry is None:
                entry = self._word(token)
            total, bits = entry
            total += weights.get(f"{last} {token}", 0.0) + weights.get(f"{before} _ {token}", 0.0)
            run = "" if token.isascii() else _run(run, token)
            if run:
                more, together = runs.get(run) or self._weigh_run(run)
                total += more
                bits |= together
            if bits:
                for other in meant:
                    if other:
                        pair = pairs.get((other, bits))
                        total += self._pair(other, bits) if pair is None else pair
                meant = (*meant[1:], bits)
            before, last = last, token
            yield total

    def _word(self, token: str) -> tuple[float, int]:
        bits = self.bits(token)
        weights = self.weights
        total = sum(weights.get(part, 0.0) for part in (*parts_of(token), *self._meanings(bits)))
        if len(self._words) > KEPT:
            self._words.clear()
        if len(token) <= LONGEST:
            self._words[token] = total, bits
        return total, bits

    def _weigh_run(self, run: str) -> tuple[float, int]:
        bits = self._of_run(run)
        total = sum(self.weights.get(name, 0.0) for name in (run[-3:], *self._meanings(bits)))
        if len(self._runs) > KEPT:
            self._runs.clear()
        self._runs[run] = total, bits
        return total, bits

    def _pair(self, first: int, second: int) -> float:
        total = sum(self.weights.get(name, 0.0) for name in self._together(first, second))
        if len(self._pairs) > KEPT:
            self._pairs.clear()
        self._pairs[first, second] = total
        return total


def _run(before: str, token: str) -> str:
    """The letters up to a token, where each letter is a token."""
    return (before + token)[-RUN:] if len(token) == 1 and _DENSE.match(token) else ""


def tokens_of(text: str) -> list[str]:
    """The words and some signs of a folded text; letters of scripts without gaps one by one; digits as 0."""
    tokens = []
    for token in _TOKEN.findall(text):
        if token.isascii():
            tokens.append("0" if token[0].isdigit() else token.strip() or "¶")
        elif _DENSE.search(token):
            tokens += token
        else:
            tokens.append(token)
    return tokens


def parts_of(token: str) -> list[str]:
    """A word and the pieces of four and five letters that it is made of."""
    if len(token) < 4 or len(token) > LONGEST:
        return [token]
    framed = f"^{token}$"
    return [token, *(f"~{framed[at : at + size]}" for size in (4, 5) for at in range(len(framed) - size + 1))]


def heaviest(sums: list[float]) -> tuple[float, tuple[int, int]]:
    """The heaviest window, from the sums up to each token."""
    length = len(sums) - 1
    best, place = -1e9, (0, length)
    for size in WINDOWS:
        for first in range(0, max(1, length - size // 2), size // 2):
            last = min(length, first + size)
            if (total := sums[last] - sums[first]) > best:
                best, place = total, (first, last)
    return best, place


def _single(bits: int) -> Iterator[int]:
    while bits:
        bit = bits & -bits
        yield bit
        bits ^= bit


def read_weights(path: Path = WEIGHTS) -> dict[str, float]:
    """Lines of `weight<tab>feature<tab>feature...`."""
    found = {}
    for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
        weight, *features = line.split("\t")
        for feature in features:
            found[feature] = int(weight) / SCALE
    return found


@lru_cache(maxsize=1)
def learnt_injection(lexicon: Lexicon) -> Learnt:
    """Read when it is first needed, once in a process."""
    return Learnt(read_weights(), lexicon)
