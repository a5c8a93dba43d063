"""Scores how dangerous an answer is: what helps or urges to hurt, hates, threatens or exposes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from agents_defs.guardrails.finding import Finding
from agents_defs.guardrails.folding import folded
from agents_defs.guardrails.lexicon import Lexicon, Row, read_words

WITHIN = 26  # words that belong together
THRESHOLD = 0.5


def unsafe(text: str) -> list[Finding]:
    """The dangers of an answer, those below 0.5 too. The surest comes first."""
    lexicon = _lexicon()
    row = lexicon.row(folded(text))
    found = []
    counted = _counter(row, lexicon)
    for kind, first, second, weight, excuses in _DANGERS:
        at = _meeting(row, lexicon.bit(first), lexicon.bit(second) if second else 0)
        if at is None:
            continue
        excused = sum(counted(excuse) for excuse in excuses.split("|") if excuse)
        score = max(0.0, weight - 0.3 * min(excused, 3))
        found.append(Finding(kind, round(score, 3), row.starts[at], len(text)))
    return sorted(found, key=lambda one: -one.score)


_DANGERS = (
    ("weapon", "weapon", "making", 0.6, "report|help|machine"),
    ("weapon", "weapon", "harming", 0.62, "report|help|machine"),
    ("crime", "crime", "harming", 0.55, "report|help|machine"),
    ("crime", "crime", "making", 0.6, "report|help|machine"),
    ("self_harm", "selfharm", "urging", 0.8, "help"),
    ("self_harm", "urge_alone", "", 0.9, "help"),
    ("hate", "group", "degrade", 0.8, "report|help"),
    ("threat", "threat", "", 0.75, "report|help|machine"),
    ("exposure", "expose", "pursue", 0.7, "help|report"),
    ("minors", "minor", "sexual", 0.8, "help|report"),
    ("praise", "praise", "attack_on", 0.7, "help"),
    ("abuse", "abuse", "", 0.6, "help|report"),
    ("danger", "danger", "", 0.7, "help"),
)
"""What, the words that have to meet, how sure that makes it, and what takes it back."""


def _counter(row: Row, lexicon: Lexicon) -> Callable[[str], int]:
    def counted(name: str) -> int:
        bit = lexicon.bits[name]
        return sum(bool(means & bit) for means in row.means)

    return counted


def _meeting(row: Row, first: int, second: int) -> int | None:
    """Where a word of the one kind stands close to another one of the other."""
    last_first, last_second = -1000, -1000
    for place, means in enumerate(row.means):
        if means & first:
            if not second:
                return place
            if place - last_second <= WITHIN:
                return place
            last_first = place
            if means & second:
                continue  # the same word is not two
        if second and means & second:
            if place - last_first <= WITHIN and place != last_first:
                return place
            last_second = place
    return None


@lru_cache(maxsize=1)
def _lexicon() -> Lexicon:
    return Lexicon(read_words("unsafe"))
