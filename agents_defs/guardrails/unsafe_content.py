"""Scores how dangerous an answer is by its words: what helps or urges to hurt, hates, threatens or exposes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache, reduce
from itertools import pairwise
from operator import or_
from pathlib import Path

from agents_defs.guardrails.finding import Finding
from agents_defs.guardrails.folding import folded
from agents_defs.guardrails.lexicon import Lexicon, read_words

WEIGHTS = Path(__file__).parent / "words" / "unsafe_weights.txt"
STEM = 6  # letters by which a word is known
WINDOW = 48  # words that are judged together
LEAST = 0.2  # scores below are told to nobody
INTERCEPT = "(intercept)"
_WORD = re.compile(r"[^\W_]+")
_LEFT_OUT = "[omitted]"
"""What cases have instead of dangerous details. It must not be learnt: no answer holds it."""


def unsafe(text: str) -> list[Finding]:
    """How dangerous the worst part of an answer is."""
    words = words_of(text)
    if not words:
        return []
    best = max(_logits(words))
    score = 1 / (1 + math.exp(-max(-30.0, min(30.0, best))))
    return [Finding("unsafe", round(score, 3), 0, len(text))] if score >= LEAST else []


def _logits(words: Sequence[tuple[str, int]]) -> Iterator[float]:
    """How much speaks for a danger in each window, by those of its features that have a weight."""
    weights = _weights()
    stems = [stem if stem in weights else "" for stem, _ in words]
    pairs = [
        pair if pair in weights else "" for pair in (f"{one[0]} {two[0]}" for one, two in pairwise(words))
    ]
    meant = [bits for _, bits in words]
    for start in range(0, max(1, len(words) - WINDOW // 2), WINDOW // 2):
        found = {*stems[start : start + WINDOW], *pairs[start : start + WINDOW - 1]}
        found.discard("")
        found.update(_kinds_weighed(reduce(or_, meant[start : start + WINDOW])))
        yield weights[INTERCEPT] + sum(map(weights.__getitem__, found)) / math.sqrt(len(found) + 1)


def features(words: Sequence[tuple[str, int]]) -> set[str]:
    """What is learnt of a window: stems, pairs of neighbours, what the words stand for, and which of that meets."""
    stems = [stem for stem, _ in words]
    found = set(stems)
    found.update(f"{one} {other}" for one, other in pairwise(stems))
    meant = 0
    for _, bits in words:
        meant |= bits
    found.update(_kinds(meant))
    return found


def words_of(text: str) -> list[tuple[str, int]]:
    """Each word as its stem, with what it stands for."""
    words = _WORD.findall(folded(text).replace(_LEFT_OUT, " "))
    return list(zip([word[:STEM] for word in words], _lexicon().meanings(words), strict=True))


@lru_cache(maxsize=4096)
def _kinds(bits: int) -> tuple[str, ...]:
    names = [name for name, bit in _lexicon().bits.items() if bits & bit]
    pairs = [f"#{one}+{other}" for number, one in enumerate(names) for other in names[number + 1 :]]
    return (*(f"#{name}" for name in names), *pairs)


@lru_cache(maxsize=4096)
def _kinds_weighed(bits: int) -> tuple[str, ...]:
    weights = _weights()
    return tuple(name for name in _kinds(bits) if name in weights)


@lru_cache(maxsize=1)
def _weights() -> dict[str, float]:
    lines = (line.rpartition("\t") for line in WEIGHTS.read_text(encoding="utf-8").splitlines())
    return {name: float(weight) for name, tab, weight in lines if tab}


@lru_cache(maxsize=1)
def _lexicon() -> Lexicon:
    return Lexicon(read_words("unsafe"))
