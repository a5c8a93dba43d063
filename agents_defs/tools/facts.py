"""Tools with which an agent remembers facts of the user who is asking, finds them again, and forgets them."""

from __future__ import annotations

import json
from typing import Annotated, Any

from agents import RunContextWrapper, function_tool
from pydantic import Field

from agents_defs.determinism import now
from agents_defs.memory.facts import Fact, FactStore, Owner, Question, folded, found
from agents_defs.memory.memory_spec import BY_DEFAULT, FactLimits
from agents_defs.memory.process_facts import OF_THIS_PROCESS
from agents_defs.run_context import RunContext
from agents_defs.run_scope import SCOPE
from agents_defs.tool_effects import idempotency_key, idempotent

MOST_TAGS, LONGEST_NAME = 8, 64
ID_CHARS = 12
NOBODY = "the request names no user, so nothing is remembered"

Context = RunContextWrapper[RunContext]
Text = Annotated[str, Field(description="The fact, as one sentence that can be understood by itself.")]
Category = Annotated[str, Field(description="What it is about, in a word: preference, contact, project.")]
Tags = Annotated[list[str] | None, Field(description="Words to find it by.", max_length=MOST_TAGS)]


@idempotent
@function_tool
async def remember(context: Context, text: Text, category: Category = "general", tags: Tags = None) -> str:
    """Remembers a fact about the user for later conversations."""
    owner, (store, limits) = _owner(context), _around()
    text, category = " ".join(text.split()), category.strip() or "general"
    names = tuple(dict.fromkeys(tag.strip() for tag in tags or () if tag.strip()))
    trouble = _too_much(owner, text, (category, *names), limits)
    if owner is None or trouble:
        return _told({"error": trouble})
    at, fact_id = await now(context), idempotency_key(context)[:ID_CHARS]
    known = next((one for one in await store.facts(owner) if folded(one.text) == folded(text)), None)
    if known is not None:
        return _told({"remembered": known.fact_id})
    if not await store.keep(owner, Fact(fact_id, text, category, names, at), limits.most):
        return _told({"error": f"there is room for {limits.most} facts, and it is full: forget some"})
    return _told({"remembered": fact_id})


@idempotent
@function_tool
async def recall(
    context: Context,
    words: Annotated[str, Field(description="What to look for; empty: the newest facts.")] = "",
    category: Annotated[str | None, Field(description="Only facts of this category.")] = None,
    tags: Annotated[list[str] | None, Field(description="Only facts with all of these tags.")] = None,
    limit: Annotated[int, Field(description="How many at most.", ge=1, le=50)] = 10,
) -> str:
    """Finds what was remembered about the user, the best match first."""
    owner, (store, _) = _owner(context), _around()
    if owner is None:
        return _told({"error": NOBODY})
    question = Question(words, category, tuple(tags or ()), limit)
    return _told({"facts": [_shown(fact) for fact in found(await store.facts(owner), question)]})


@idempotent
@function_tool
async def forget(
    context: Context,
    fact_ids: Annotated[list[str], Field(description="Ids of facts, as `recall` tells them.", max_length=50)],
) -> str:
    """Forgets facts about the user for good."""
    owner, (store, _) = _owner(context), _around()
    if owner is None:
        return _told({"error": NOBODY})
    await store.drop(owner, fact_ids)
    return _told({"forgotten": fact_ids})  # also by an attempt that died before it could say so


def _around() -> tuple[FactStore, FactLimits]:
    scope = SCOPE.get()
    if scope is None:  # outside of any run: somebody tries an agent out
        return OF_THIS_PROCESS, BY_DEFAULT.facts
    return scope.run.facts, scope.run.order.spec.memory.facts


def _owner(context: Context) -> Owner | None:
    run = context.context
    return Owner(run.tenant_id, run.user_id) if run.user_id else None


def _too_much(owner: Owner | None, text: str, names: tuple[str, ...], limits: FactLimits) -> str | None:
    if owner is None:
        return NOBODY
    if not text:
        return "there is no text to remember"
    if len(text) > limits.longest:
        return f"the text has {len(text)} characters, {limits.longest} may be remembered: say it shorter"
    if any(len(name) > LONGEST_NAME for name in names):
        return f"a category or tag has at most {LONGEST_NAME} characters"
    return None


def _shown(fact: Fact) -> dict[str, Any]:
    return {
        "id": fact.fact_id,
        "text": fact.text,
        "category": fact.category,
        "tags": list(fact.tags),
        "since": fact.at.date().isoformat(),
    }


def _told(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
