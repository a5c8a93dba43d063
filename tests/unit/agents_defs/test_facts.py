"""What agents remember of a user: tools, limits, recall, and each call of a tool once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from agents import Agent
from agents.testing import assistant_message, function_call

from agents_defs.memory.facts import Fact, FactStore, Owner, Question, found
from agents_defs.memory.memory_spec import BadMemory, FactLimits, MemorySpec
from agents_defs.memory.process_facts import ProcessFacts
from agents_defs.model_access import FixedAccess
from agents_defs.registry import Registry
from agents_defs.run_journal import RunLost
from agents_defs.runner import AgentRunner
from agents_defs.tools.facts import forget, recall, remember
from tests.doubles.history_model import HistoryModel, results
from tests.doubles.memory_journal import MemoryJournal
from tests.doubles.recorded_runs import Recorder, one_try, order_for, spec_of

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ANNE = Owner("acme", "anne")


def a_fact(number: int, text: str, category: str = "general", *tags: str) -> Fact:
    return Fact(f"f{number}", text, category, tags, AT + timedelta(days=number))


async def calls(
    store: FactStore, *asked: tuple[str, dict[str, Any]], memory: MemorySpec | None = None, **changes: Any
) -> list[Any]:
    """What the tools say to a run of anne's that calls these, one after the other."""

    def answers(_instructions: str | None, history: list[Any]) -> list[Any]:
        had = results(history)
        if len(had) == len(asked):
            return [assistant_message("\n".join(had))]
        name, arguments = asked[len(had)]
        return [function_call(name, arguments, call_id=f"c{len(had)}")]

    spec = spec_of(
        lambda: Agent(name="keeper", tools=[remember, recall, forget]), memory=memory or MemorySpec()
    )
    runner = AgentRunner(Registry(), FixedAccess(HistoryModel(answers)), recovery=one_try(), facts=store)
    order = order_for(spec, **{"user_id": "anne", **changes})
    result = await runner.run(order, Recorder())
    return [json.loads(line) for line in result.output.splitlines()]


async def texts(store: FactStore, owner: Owner = ANNE) -> set[str]:
    return {fact.text for fact in await store.facts(owner)}


async def test_what_is_remembered_is_recalled_in_a_later_run() -> None:
    store = ProcessFacts()
    await calls(store, ("remember", {"text": "Anne  likes trains", "category": "travel", "tags": ["rail"]}))

    (told,) = await calls(store, ("recall", {"words": "which train?"}), request_id="req-2", run_id="run-2")

    (fact,) = told["facts"]
    assert (fact["text"], fact["category"], fact["tags"]) == ("Anne likes trains", "travel", ["rail"])


async def test_what_is_forgotten_is_gone() -> None:
    store = ProcessFacts()
    await store.keep(ANNE, a_fact(1, "she moved to Bonn"), 9)

    await calls(store, ("forget", {"fact_ids": ["f1"]}))

    assert await texts(store) == set()


@pytest.mark.parametrize(("tenant", "user"), [("globex", "anne"), ("acme", "bob")])
async def test_a_run_reaches_the_facts_of_its_own_user_only(tenant: str, user: str) -> None:
    store = ProcessFacts()
    await store.keep(ANNE, a_fact(1, "her secret"), 9)

    told = await calls(
        store, ("recall", {}), ("forget", {"fact_ids": ["f1"]}), tenant_id=tenant, user_id=user
    )

    assert told[0] == {"facts": []}
    assert await texts(store) == {"her secret"}


@pytest.mark.parametrize(
    ("name", "arguments"), [("remember", {"text": "x"}), ("recall", {}), ("forget", {"fact_ids": ["f1"]})]
)
async def test_without_a_user_nothing_is_remembered(name: str, arguments: dict[str, Any]) -> None:
    (told,) = await calls(ProcessFacts(), (name, arguments), user_id=None)

    assert "names no user" in told["error"]


async def test_a_call_that_is_made_again_after_a_crash_remembers_once() -> None:
    asked = ("remember", {"text": "she moved to Bonn"})
    whole = MemoryJournal()
    await calls(ProcessFacts(), asked, journal=whole)
    repeated = 0

    for write in range(1, whole.writes + 1):
        store, journal = ProcessFacts(), MemoryJournal(fail_before=write)
        with pytest.raises(RunLost):
            await calls(store, asked, journal=journal)
        repeated += bool(await texts(store)) and "t:t:c0" not in journal.entries
        (told,) = await calls(store, asked, journal=journal.resumed(), attempt=2)
        assert [fact.fact_id for fact in await store.facts(ANNE)] == [told["remembered"]]

    assert repeated, "no crash came between the call and its record"


async def test_what_is_known_is_not_remembered_twice() -> None:
    store = ProcessFacts()
    await store.keep(ANNE, a_fact(1, "She moved to Bonn"), 9)

    (told,) = await calls(store, ("remember", {"text": "she moved  to BONN"}))

    assert told == {"remembered": "f1"}
    assert len(await store.facts(ANNE)) == 1


async def test_no_more_than_the_limit_is_remembered() -> None:
    store, memory = ProcessFacts(), MemorySpec(facts=FactLimits(most=1, longest=10))

    told = await calls(
        store,
        ("remember", {"text": "one"}),
        ("remember", {"text": "two"}),
        ("remember", {"text": "x" * 11}),
        ("remember", {"text": "three", "category": "x" * 65}),
        ("remember", {"text": "  "}),
        memory=memory,
    )

    assert ["error" in one for one in told] == [False, True, True, True, True]
    assert await texts(store) == {"one"}


FACTS = [
    a_fact(1, "Likes window seats on trains", "travel", "rail"),
    a_fact(2, "Allergic to peanuts", "health"),
    a_fact(3, "Took the train to Bonn", "travel"),
    a_fact(4, "Prefers mail", "contact", "Mail"),
]


@pytest.mark.parametrize(
    ("question", "ids"),
    [
        (Question(), ["f4", "f3", "f2", "f1"]),
        (Question(limit=2), ["f4", "f3"]),
        (Question("window trains"), ["f1", "f3"]),
        (Question("peanut allergy"), ["f2"]),
        (Question(category="Travel"), ["f3", "f1"]),
        (Question(tags=("mail",)), ["f4"]),
        (Question("train", tags=("rail",)), ["f1"]),
        (Question("mountains"), []),
    ],
)
def test_facts_are_found_by_words_category_and_tags_the_best_first(
    question: Question, ids: Sequence[str]
) -> None:
    assert [fact.fact_id for fact in found(FACTS, question)] == ids


@pytest.mark.parametrize(
    "wrong",
    [{"store": "file"}, {"compaction": "zip"}, {"ttl_s": 0}, {"token_budget": 0}],
)
def test_a_memory_that_cannot_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadMemory):
        MemorySpec(**wrong)


def test_limits_of_facts_are_at_least_one() -> None:
    with pytest.raises(BadMemory):
        FactLimits(most=0)
