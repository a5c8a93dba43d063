"""Facts: what is remembered of one user of one tenant, beyond any session."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

_WORD = re.compile(r"\w+")


class FactsUnavailable(Exception):
    """The store does not answer now."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose facts. It is read from the request, never from what a model says."""

    tenant_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to remember."""

    fact_id: str  # the same for one tool call in each attempt of its run
    text: str
    category: str
    tags: tuple[str, ...]
    at: datetime


class FactStore(Protocol):
    """Remembers facts. Each call may be repeated without harm; all raise FactsUnavailable."""

    async def keep(self, owner: Owner, fact: Fact, most: int) -> bool:
        """Remember it, if it is not yet. False: there are as many as may be, and nothing was changed."""
        ...

    async def facts(self, owner: Owner) -> Sequence[Fact]:
        """All of the owner's, in no order."""
        ...

    async def drop(self, owner: Owner, fact_ids: Collection[str]) -> int:
        """Forget these; how many of them there were."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for. Nothing said: whatever is newest."""

    words: str = ""
    category: str | None = None
    tags: tuple[str, ...] = ()
    limit: int = 10


def found(facts: Iterable[Fact], question: Question) -> list[Fact]:
    """Those that fit, the best first; among equals the newest."""
    wanted, tags = words_of(question.words), {folded(tag) for tag in question.tags}
    ranked = []
    for fact in facts:
        own_tags = {folded(tag) for tag in fact.tags}
        if question.category is not None and folded(fact.category) != folded(question.category):
            continue
        if not tags <= own_tags:
            continue
        score = len(wanted & (words_of(fact.text) | own_tags | {folded(fact.category)}))
        if score or not wanted:
            ranked.append((-score, -fact.at.timestamp(), fact.fact_id, fact))
    ranked.sort(key=lambda one: one[:3])
    return [fact for *_, fact in ranked[: question.limit]]


def words_of(text: str) -> set[str]:
    """The words of a text, as they are compared: plurals and cases differ less than words do."""
    return {_stem(word) for word in _WORD.findall(folded(text))}


def folded(text: str) -> str:
    """As it is compared."""
    return " ".join(text.casefold().split())


def _stem(word: str) -> str:
    for ending in ("ing", "es", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word
