"""What every store of facts does: keeps each once, up to a number, whole, and forgets what it is told to."""

from datetime import UTC, datetime, timedelta

import pytest

from agents_defs.memory.facts import Fact, FactStore, Owner
from tests.contract.claim_stores import ClaimCase

AT = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
ANNE = Owner("acme", "anne")


@pytest.fixture
def store(case: ClaimCase) -> FactStore:
    return case.facts()


def a_fact(number: int, text: str = "a fact") -> Fact:
    return Fact(f"f{number}", f"{text} {number}", "general", ("a", "語"), AT + timedelta(seconds=number))


async def test_facts_are_kept_whole_and_shared_by_workers(store: FactStore, case: ClaimCase) -> None:
    for number in range(3):
        assert await store.keep(ANNE, a_fact(number, "語 ü 😀"), 10)

    kept = await case.facts().facts(ANNE)

    assert sorted(kept, key=lambda one: one.fact_id) == [a_fact(number, "語 ü 😀") for number in range(3)]


async def test_a_fact_that_is_kept_again_is_there_once_as_it_was_first(store: FactStore) -> None:
    await store.keep(ANNE, a_fact(1), 1)

    assert await store.keep(ANNE, a_fact(1, "another text"), 1)
    assert list(await store.facts(ANNE)) == [a_fact(1)]


async def test_no_more_are_kept_than_may_be(store: FactStore) -> None:
    await store.keep(ANNE, a_fact(1), 1)

    assert not await store.keep(ANNE, a_fact(2), 1)
    assert list(await store.facts(ANNE)) == [a_fact(1)]


async def test_only_what_is_named_is_forgotten(store: FactStore) -> None:
    for number in range(3):
        await store.keep(ANNE, a_fact(number), 10)

    assert await store.drop(ANNE, ["f0", "f2", "f9"]) == 2
    assert await store.drop(ANNE, ["f0"]) == 0
    assert await store.drop(ANNE, []) == 0
    assert list(await store.facts(ANNE)) == [a_fact(1)]
