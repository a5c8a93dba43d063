"""Finds messages that are about something else than the topics that an agent is for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from agents_defs.guardrails.finding import Finding
from agents_defs.guardrails.folding import folded
from agents_defs.guardrails.lexicon import DENSE, Lexicon, read_words
from agents_defs.guardrails.pieces import first

SMALL_TALK = re.compile(
    r"\b(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|thanks?|thank you|thx|ok|okay|yes|no|yep|nope|sure|please|bye|goodbye|see you|sorry|"
    r"great|perfect|fine|got it|understood|right|correct|exactly|alright|cheers|welcome|nice|awesome|cool|help|human|agent|somebody|anybody|again|repeat|"
    r"hallo|guten (?:tag|morgen|abend)|danke|ja|nein|bitte|tschüss|bonjour|merci|oui|non|hola|gracias|ciao|grazie|si|olá|obrigado|привет|спасибо|да|нет)\b"
)
OURS = re.compile(
    r"\b(?:it|its|this one|that one|the new one|them|these|my|mine|your (?:shop|store|company|website|site|app|product\w*|service\w*|offer)|you (?:sell|ship|offer|have|deliver|charge|send|sent|support)|es|meine?|mein)\b"
)
_WORD = re.compile(r"\w+|@")
_WITHOUT_GAPS = re.compile(f"[{DENSE}]")
SMALL_TALK_WORDS = 9
FEW_WORDS = 3
NEUTRAL = 0.6
"""The score of what belongs neither here nor elsewhere."""


def topic(text: str, allowed: Sequence[str]) -> list[Finding]:
    """Nothing where the message belongs to one of the topics, written `"topic: words of it"`, or is small talk."""
    plain = folded(text)
    own, other = _lexicons(tuple(allowed))
    mine, others, words = _meanings(own, other, plain)
    inside = sum(map(bool, mine))
    strange: dict[int, int] = {}
    for means in filter(None, others):
        while means:
            bit = means & -means
            strange[bit] = strange.get(bit, 0) + 1
            means ^= bit
    outside = max(strange.values(), default=0)
    if words <= FEW_WORDS and not outside:
        return []
    if words <= SMALL_TALK_WORDS and SMALL_TALK.search(plain) and not outside:
        return []
    score = _score(inside, outside, not inside and first(OURS, plain) is not None)
    return [Finding("off_topic", score, 0, len(text))] if score >= 0.5 else []


def _meanings(own: Lexicon, other: Lexicon, plain: str) -> tuple[list[int], list[int], int]:
    """What the words stand for in both, and how many there are. A text with gaps is cut into words but once."""
    if not plain.isascii() and _WITHOUT_GAPS.search(plain):
        row = other.row(plain)
        return own.row(plain).means, row.means, len(row)
    words = _WORD.findall(plain)
    return own.meanings(words), other.meanings(words), len(words)


def _score(inside: int, outside: int, ours: bool) -> float:
    if inside == 0:
        if outside:
            return 0.9 if not ours or outside > 1 else 0.6
        return 0.2 if ours else NEUTRAL
    return 0.7 if outside > inside + 1 else 0.1


@lru_cache(maxsize=256)
def _lexicons(allowed: tuple[str, ...]) -> tuple[Lexicon, Lexicon]:
    """The words of the topics, with those of the same trades, and the words of everything else."""
    own = [word for line in allowed for word in _entries(line)]
    for words in read_words("trades").values():
        if len(set(map(_stem, own)) & set(map(_stem, words))) > 1:
            own += words
    mine = Lexicon({"own": own})
    worlds = {
        name: [
            word
            for word in words
            if not mine.row(folded(word.rstrip("*"))).means
            or not any(mine.row(folded(word.rstrip("*"))).means)
        ]
        for name, words in read_words("worlds").items()
    }
    shared = {
        name
        for name, words in read_words("worlds").items()
        if len(set(map(_stem, own[: _count(allowed)])) & set(map(_stem, words))) > 1
    }
    return mine, Lexicon(
        {name: words for name, words in worlds.items() if name not in shared} or {"none": []}
    )


def _count(allowed: tuple[str, ...]) -> int:
    return sum(len(_entries(line)) for line in allowed)


def _entries(line: str) -> list[str]:
    name, colon, words = line.partition(":")
    listed = [word.strip() for word in (words if colon else name).split(",")]
    entries = [word for word in (*listed, name.strip()) if word]
    return [
        f"{word}*" if len(word) > FEW_WORDS and " " not in word and not word.endswith("*") else word
        for word in entries
    ]


def _stem(word: str) -> str:
    return word.rstrip("*").lower()[:5]
