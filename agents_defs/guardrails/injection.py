"""Scores how much a text tries to give an agent orders that are not its user's to give.

The text, and all that is encoded or disguised in it, is weighed by what was learnt from labelled texts. Where that
leaves a doubt it is read as words with meanings: verbs near what they are aimed at, telling phrases and typed-in marks
of prompts each weigh something, and what stands close together is added up.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from agents_defs.guardrails.finding import Finding
from agents_defs.guardrails.injection_signs import (
    ABOUT_SUCH_TEXTS,
    ADDRESSING,
    AGAIN,
    ENOUGH,
    FOR_THEM,
    MARKS,
    NEEDED,
    OBFUSCATED,
    PAIRS,
    PHRASES,
    REPEATED,
    REPEATS,
    Pair,
)
from agents_defs.guardrails.learnt import Learnt, learnt_injection
from agents_defs.guardrails.lexicon import Lexicon, Row, read_words
from agents_defs.guardrails.pieces import each, first
from agents_defs.guardrails.unveiling import RESPELT, View, views

THRESHOLD = 0.5
SIGNS = 0.6
"""What the weight of signs counts for beside the logit of what was learnt."""
MOST = 5.5
HIDDEN = 2.5
"""What is added where an order was hidden: nobody does that by chance."""
NEW = 1.0  # weight of signs that a hidden order has at least
CLEAR, TRIPS = -0.7, 0.8
"""Logits: below the first one nothing is looked for, from the second one on it trips."""
TOGETHER_CHARS = 420  # signs further apart than that are not added up
EARLY_WORDS = 45
BEHIND = 6  # in many languages the verb stands last
BARE_WORDS = 3  # without any sign among them: "NULL", "approval", "export"
SHORT_QUOTE = 12  # words; whole messages are quoted, too
TALK_WORDS = 25
AROUND = 5  # words around a verb and its aim that belong to them


class Sign(NamedTuple):
    """One thing that speaks for an injection, and where."""

    at: int
    name: str
    weight: float


class Outlook(NamedTuple):
    """What stands before each word, as far as it matters."""

    narrated: list[bool]  # somebody is told about, not told to
    discounted: list[bool]  # a quotation in talk about such texts


def injection(text: str) -> Finding:
    """How sure it is that the text is an injection; from 0.5 on it trips."""
    best, kind, place = leaning(text, learnt_injection(lexicon_of_injection()))
    score = 1 / (1 + math.exp(TRIPS - best)) if kind else 0.0
    return Finding(kind or "none", round(score, 4), min(place, len(text)), len(text))


def leaning(text: str, learnt: Learnt) -> tuple[float, str, int]:
    """The logit of its worst view, what speaks loudest in it, and where. Without a kind nothing was found."""
    best, kind, place = CLEAR, "", 0
    plain = ""
    for view in views(text):
        plain = plain or view.text
        logit = learnt.leaning(view.text).logit
        if logit < CLEAR and not view.hidden:
            continue  # the signs cost more than the rest, and could not outweigh that
        if logit + SIGNS * (MOST - ENOUGH) + (HIDDEN if view.hidden else 0.0) <= best:
            continue
        total, name, at = _weighed(view.text)
        if not total and _is_bare(view.text):
            continue
        if _was_hidden(view, total, plain):
            total, name, at = total + OBFUSCATED, f"{name} ({view.hidden})", 0
            logit += HIDDEN
        logit += SIGNS * (min(total, MOST) - ENOUGH)
        if logit > best:
            best, kind, place = logit, name or "wording", at
    return best, kind, place


def _is_bare(plain: str) -> bool:
    """Whether it is a word or two, of which what was learnt from whole texts knows too little."""
    return plain.isascii() and len(plain.split()) < BARE_WORDS


def _was_hidden(view: View, total: float, plain: str) -> bool:
    """Whether a view shows what cannot be read in the text itself."""
    if not view.hidden or total < NEW:
        return False
    return view.hidden not in RESPELT or total >= _weighed(plain)[0] + NEW


def signs(text: str) -> list[tuple[str, Sign]]:
    """All that was found in each view of a text: for whoever wants to know why it scored as it did."""
    return [(view.hidden, sign) for view in views(text) for sign in _signs(view.text)]


def _weighed(plain: str) -> tuple[float, str, int]:
    """The heaviest stretch of a folded text: each kind of sign counts once in it."""
    found = sorted(_signs(plain))
    best: tuple[float, str, int] = (0.0, "", 0)
    counts: dict[str, Counter[float]] = {}
    total, first = 0.0, 0
    for sign in found:
        total += _counted(counts, sign, 1)
        while found[first].at < sign.at - TOGETHER_CHARS:
            total += _counted(counts, found[first], -1)
            first += 1
        if total > best[0] + 1e-9:
            heaviest = max(found[first : first + 40], key=lambda one: one.weight)
            best = (total, heaviest.name, heaviest.at)
    return best


def _counted(counts: dict[str, Counter[float]], sign: Sign, step: int) -> float:
    """By how much the total changes when a sign comes into the stretch, or leaves it."""
    weights = counts.setdefault(sign.name, Counter())
    before = max(+weights, default=0.0)
    weights[sign.weight] += step
    return max(+weights, default=0.0) - before


def _signs(plain: str) -> Iterator[Sign]:
    lexicon, compiled, phrases = _ready()
    row = lexicon.row(plain)
    _set_right(row, lexicon)
    outlook = _outlook(row, lexicon)
    yield from _marks(plain, row, outlook)
    seen: dict[str, str] = {}
    telling, verbs = _either(bit for _, bit, _ in phrases), _either(verb for _, verb, *_ in compiled)
    for place, means in enumerate(row.means):
        if not means:
            continue
        part = ABOUT_SUCH_TEXTS if outlook.discounted[place] else 1.0
        for name, bit, weight in phrases if means & telling else ():
            if means & bit:
                again = name in REPEATED and seen.setdefault(name, row.words[place]) != row.words[place]
                yield Sign(row.starts[place], name, weight * part)
                if again:
                    yield Sign(row.starts[place], f"{name} again", weight * part * AGAIN)
        if outlook.narrated[place] or not means & verbs:
            continue
        for pair, verb, aim, near, never in compiled:
            if means & verb and _aimed(row, place, pair, (aim, near, never)):
                yield Sign(row.starts[place], pair.name, pair.weight * part)


def _either(bits: Iterable[int]) -> int:
    found = 0
    for bit in bits:
        found |= bit
    return found


def _set_right(row: Row, lexicon: Lexicon) -> None:
    purpose = lexicon.bits["purpose"]
    for place in range(len(row) - 1):
        if row.means[place] & purpose and row.words[place + 1] in FOR_THEM:
            row.means[place] &= ~purpose


def _marks(plain: str, row: Row, outlook: Outlook) -> Iterator[Sign]:
    talk = any(outlook.discounted)
    address = _ready()[0].bits["address"]
    for name, weight, pattern in MARKS:
        if not any(needed in plain for needed in NEEDED.get(name, ("",))):
            continue
        found = first(pattern, plain)
        if found is not None:
            yield Sign(found.start(), name, weight * (ABOUT_SUCH_TEXTS if talk else 1.0))
            if name in ADDRESSING:
                place = max(0, bisect_right(row.starts, found.end() - 1) - 1)
                if place < len(row):
                    row.means[place] |= address
    for name, pattern, many, weight in REPEATS:
        places = [found.start() for found in each(pattern, plain)]
        if len(places) >= many:
            yield Sign(places[-1], name, weight)


def _aimed(row: Row, place: int, pair: Pair, bits: tuple[int, tuple[int, ...], int]) -> bool:
    """Whether a verb is aimed at what the pair names, within its sentence."""
    aim, near, never = bits
    if pair.early and place > EARLY_WORDS:
        return False
    means, sentences, sentence = row.means, row.sentences, row.sentences[place]
    stop = min(len(means), place + pair.reach + 1)
    found = -1
    for other in range(place, stop):
        if sentences[other] != sentence:
            break
        if means[other] & aim and (other > place or not means[other] & never):
            found = other
            break
    if found < 0:
        for other in range(place - 1, max(-1, place - BEHIND - 1), -1):
            if sentences[other] != sentence:
                break
            if means[other] & aim:
                found = other
                break
    if found < 0:
        return False
    return _fits(row, (min(place, found), max(place, found)), near, never)


def _fits(row: Row, between: tuple[int, int], near: tuple[int, ...], never: int) -> bool:
    low, high = between
    means, sentences = row.means, row.sentences
    if never and any(means[place] & never for place in range(low, min(len(means), high + 3))):
        return False
    if not near:
        return True
    around = 0
    for place in range(max(0, low - AROUND), min(len(means), high + AROUND + 1)):
        if sentences[place] == sentences[low]:
            around |= means[place]
    return all(around & wanted for wanted in near)


def _outlook(row: Row, lexicon: Lexicon) -> Outlook:
    narrator, you = lexicon.bits["narrator"], lexicon.bits["you"]
    narrated = []
    for place in range(len(row)):
        same = place > 0 and row.sentences[place - 1] == row.sentences[place]
        before = row.means[place - 1] if same else 0
        told = bool(before & narrator and not before & you)
        if same and row.words[place - 1] == "to":
            told = _tells_of_others(row, place, (narrator, you))
        narrated.append(told)
    return Outlook(narrated, _talked_about(row, lexicon.bit("meta|asking|people")))


def _talked_about(row: Row, meta: int) -> list[bool]:
    """Which words stand in a short quotation of somebody who talks about such texts."""
    length = len(row)
    found = [False] * length
    talk = [place for place in range(length) if row.means[place] & meta and not row.quoted[place]]
    start = 0
    while start < length:
        end = start + 1
        while end < length and row.quoted[end] == row.quoted[start]:
            end += 1
        if row.quoted[start] and end - start <= SHORT_QUOTE and _near(talk, start, end):
            found[start:end] = [True] * (end - start)
        start = end
    return found


def _near(talk: list[int], start: int, end: int) -> bool:
    after = bisect_left(talk, start - TALK_WORDS)
    return after < len(talk) and talk[after] <= end + TALK_WORDS


def _tells_of_others(row: Row, place: int, bits: tuple[int, int]) -> bool:
    """`He told us to ignore`, and not `I want you to ignore`."""
    narrator, you = bits
    for other in range(place - 2, max(-1, place - 6), -1):
        if row.sentences[other] != row.sentences[place] or row.means[other] & you:
            return False
        if row.means[other] & narrator or row.words[other] in {"me", "us", "him", "them", "her"}:
            return True
    return False


def lexicon_of_injection() -> Lexicon:
    """The words that the signs are made of, and what they stand for."""
    return _ready()[0]


_Compiled = list[tuple[Pair, int, int, tuple[int, ...], int]]


@lru_cache(maxsize=1)
def _ready() -> tuple[Lexicon, _Compiled, list[tuple[str, int, float]]]:
    """The words are read when they are first needed."""
    meanings = read_words("english", "other_languages")
    spelt = meanings.pop("spelt")
    meanings["link"] = ["http", "https", "www", "@", "webhook", "url", "e mail to", "email to"]
    lexicon = Lexicon(meanings, spelt)
    compiled = [
        (
            pair,
            lexicon.bit(pair.verb),
            lexicon.bit(pair.aim),
            tuple(lexicon.bit(names) for names in pair.near),
            lexicon.bit(pair.never) if pair.never else 0,
        )
        for pair in PAIRS
    ]
    return lexicon, compiled, [(name, lexicon.bits[name], weight) for name, weight in PHRASES.items()]
