"""What every claim store does: ids once, windows never exceeded, nothing forgotten without saying so."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from schemas.failures import Code
from streams.flow import Admit, Answered, Conflict, Duplicate, Gone, Refuse, Verdict
from streams.policy.gates import Gate
from streams.policy.windows import Window
from streams.ports import Claim, ClaimStore, LedgerLost, Shelf, StoreUnavailable
from tests.contract.claim_stores import ClaimCase

MINUTE = Window(3, "minute")
SHA, OTHER_SHA = "a" * 64, "b" * 64
RESPONSES = Shelf("responses", 0)


@pytest.fixture
async def store(case: ClaimCase) -> ClaimStore:
    """A worker's client; partition 0 is rebuilt, with nothing on it."""
    client = case.worker()
    await client.rebuilt(RESPONSES, 0)
    return client


def claim(request_id: str = "r-1", tenant_id: str = "acme", sha256: str = SHA, **more: Any) -> Claim:
    window = more.pop("window", None)
    gates = more.pop("gates", (Gate(window),) if window is not None else ())
    return Claim(tenant_id, request_id, sha256, more.pop("partition", 0), gates)


async def asked(store: ClaimStore, *claims: Claim) -> list[Verdict]:
    return list(await store.claim(claims))


async def answered(store: ClaimStore, *request_ids: str, position: int = 0) -> None:
    done = [Answered("acme", request_id, SHA) for request_id in request_ids]
    await store.answer(done, {RESPONSES: position} if position else {})


# -- ids


async def test_a_new_id_is_admitted(store: ClaimStore) -> None:
    assert await asked(store, claim()) == [Admit(1)]


async def test_an_id_that_comes_again_before_its_answer_is_the_next_attempt(store: ClaimStore) -> None:
    await asked(store, claim())

    assert await asked(store, claim()) == [Admit(2)]
    assert await asked(store, claim()) == [Admit(3)]


async def test_an_answered_id_is_a_duplicate(store: ClaimStore) -> None:
    await asked(store, claim())
    await answered(store, "r-1")

    assert await asked(store, claim()) == [Duplicate()]


async def test_an_id_may_be_answered_that_was_never_claimed(store: ClaimStore) -> None:
    await answered(store, "r-1")

    assert await asked(store, claim()) == [Duplicate()]


@pytest.mark.parametrize("done", [False, True])
async def test_an_id_with_another_body_is_a_conflict(store: ClaimStore, done: bool) -> None:
    await asked(store, claim())
    if done:
        await answered(store, "r-1")

    assert await asked(store, claim(sha256=OTHER_SHA)) == [Conflict()]


async def test_a_conflict_changes_nothing(store: ClaimStore) -> None:
    await asked(store, claim(), claim(sha256=OTHER_SHA))

    assert await asked(store, claim()) == [Admit(2)]


async def test_ids_belong_to_their_tenants(store: ClaimStore) -> None:
    pairs = [("a", "b:c"), ("a:b", "c"), ("a:b:c", ""), ("", "a:b:c"), ("1", "1:x"), ("11", ":x")]

    verdicts = await asked(store, *(claim(request_id, tenant_id) for tenant_id, request_id in pairs))

    assert verdicts == [Admit(1)] * len(pairs)


async def test_ids_of_any_letters_are_told_apart(store: ClaimStore) -> None:
    ids = ["ü", "u", "語", "a b", "a\x00b", "{x}", "x" * 128, "x" * 127]

    assert await asked(store, *map(claim, ids)) == [Admit(1)] * len(ids)


async def test_verdicts_stand_in_the_order_of_the_claims_however_many(store: ClaimStore) -> None:
    await answered(store, *(f"r-{number}" for number in range(0, 300, 3)))

    verdicts = await asked(store, *(claim(f"r-{number}") for number in range(300)))

    assert verdicts == [Duplicate() if number % 3 == 0 else Admit(1) for number in range(300)]


async def test_no_claims_are_no_verdicts(store: ClaimStore) -> None:
    assert await asked(store) == []


async def test_of_many_workers_that_claim_an_id_at_once_each_has_its_own_attempt(
    store: ClaimStore, case: ClaimCase
) -> None:
    verdicts = await asyncio.gather(*(asked(case.worker(), claim()) for _ in range(20)))

    attempts = sorted(verdict.attempt for (verdict,) in verdicts if isinstance(verdict, Admit))
    assert attempts == list(range(1, 21))


# -- windows


async def test_as_many_are_admitted_as_the_window_holds(store: ClaimStore) -> None:
    verdicts = await asked(store, *(claim(f"r-{number}", window=MINUTE) for number in range(5)))

    assert verdicts[:3] == [Admit(1)] * 3
    for verdict in verdicts[3:]:
        assert isinstance(verdict, Refuse)
        assert verdict.code == Code.LIMIT_REQUESTS
        assert verdict.retry_after_ms is not None
        assert 59_000 < verdict.retry_after_ms <= 61_000
        assert "3 requests per minute" in verdict.message


async def test_workers_that_claim_at_once_share_the_window(store: ClaimStore, case: ClaimCase) -> None:
    claims = [claim(f"r-{number}", window=Window(7, "hour")) for number in range(40)]

    verdicts = await asyncio.gather(*(asked(case.worker(), one) for one in claims))

    assert sum(verdict == Admit(1) for (verdict,) in verdicts) == 7


async def test_a_request_that_comes_again_counts_once(store: ClaimStore) -> None:
    for _ in range(5):
        await asked(store, claim("r-1", window=MINUTE))

    verdicts = await asked(store, *(claim(f"r-{number}", window=MINUTE) for number in (2, 3, 4)))

    assert [type(verdict) for verdict in verdicts] == [Admit, Admit, Refuse]


async def test_an_admitted_request_is_admitted_again_although_the_window_is_full(store: ClaimStore) -> None:
    claims = [claim(f"r-{number}", window=MINUTE) for number in range(3)]
    await asked(store, *claims)

    assert await asked(store, *claims) == [Admit(2)] * 3


async def test_a_refused_request_is_asked_about_again_and_counts_nothing(store: ClaimStore) -> None:
    await asked(store, *(claim(f"r-{number}", window=MINUTE) for number in range(9)))

    (verdict,) = await asked(store, claim("r-8", window=Window(4, "minute")))

    assert verdict == Admit(1)


async def test_what_asks_without_a_window_counts_nowhere(store: ClaimStore) -> None:
    await asked(store, *(claim(f"x-{number}") for number in range(9)))

    verdicts = await asked(store, *(claim(f"r-{number}", window=MINUTE) for number in range(3)))

    assert verdicts == [Admit(1)] * 3


async def test_windows_belong_to_their_tenants_and_lengths(store: ClaimStore) -> None:
    one = Window(1, "minute")

    verdicts = await asked(
        store,
        claim("r-1", "a", window=one),
        claim("r-1", "b", window=one),
        claim("r-2", "a", window=Window(1, "hour")),
        claim("r-2", "b", window=one),
    )

    assert [type(verdict) for verdict in verdicts] == [Admit, Admit, Admit, Refuse]


async def test_a_limit_of_nothing_admits_nothing(store: ClaimStore) -> None:
    (verdict,) = await asked(store, claim(window=Window(0, "minute")))

    assert isinstance(verdict, Refuse)


# -- what is remembered of the ledger


async def test_nothing_is_admitted_on_a_partition_whose_answers_are_unknown(store: ClaimStore) -> None:
    with pytest.raises(LedgerLost) as lost:
        await asked(store, claim("r-1", partition=2), claim("r-2", partition=5), claim("r-3", partition=2))

    assert sorted(lost.value.partitions) == [2, 5]


async def test_what_was_not_admitted_for_want_of_answers_counts_nothing(store: ClaimStore) -> None:
    with pytest.raises(LedgerLost):
        await asked(store, *(claim(f"r-{number}", partition=2, window=MINUTE) for number in range(3)))

    await store.rebuilt(Shelf("responses", 2), 0)
    verdicts = await asked(store, *(claim(f"r-{number}", partition=2, window=MINUTE) for number in range(3)))

    assert verdicts == [Admit(1)] * 3


async def test_nobody_is_admitted_twice_because_another_s_answers_are_unknown(store: ClaimStore) -> None:
    with pytest.raises(LedgerLost):
        await asked(store, claim("r-1", partition=0), claim("r-2", partition=2))

    assert await asked(store, claim("r-1", partition=0)) == [Admit(1)]


async def test_up_to_where_a_shelf_is_remembered_is_told(store: ClaimStore) -> None:
    assert await store.checkpoint(Shelf("deadletter", 0)) is None

    await store.rebuilt(RESPONSES, 41)
    assert await store.checkpoint(RESPONSES) == 41
    await answered(store, "r-1", position=43)

    assert await store.checkpoint(RESPONSES) == 43
    assert await store.checkpoint(Shelf("responses", 1)) is None


async def test_a_shelf_is_never_said_to_be_remembered_less_far(store: ClaimStore, case: ClaimCase) -> None:
    late = case.worker()
    await answered(store, "r-1", position=43)

    await answered(late, "r-2", position=17)

    assert await store.checkpoint(RESPONSES) == 43
    assert await asked(store, claim("r-2")) == [Duplicate()]


async def test_a_topic_that_was_made_anew_begins_anew(store: ClaimStore) -> None:
    await store.rebuilt(RESPONSES, 900)

    await store.rebuilt(RESPONSES, 2)

    assert await store.checkpoint(RESPONSES) == 2
    assert await asked(store, claim()) == [Admit(1)]


async def test_a_store_that_was_emptied_says_so(store: ClaimStore, case: ClaimCase) -> None:
    await case.empty()

    with pytest.raises(LedgerLost):
        await asked(store, claim())


async def test_an_answer_into_an_emptied_store_does_not_hide_what_is_missing(
    store: ClaimStore, case: ClaimCase
) -> None:
    await answered(store, "r-1", position=1)
    await case.empty()

    await answered(store, "r-2", position=2)

    with pytest.raises(LedgerLost):
        await asked(store, claim("r-1"))
    with pytest.raises(LedgerLost):
        await asked(case.worker(), claim("r-1"))


async def test_a_store_that_lost_its_last_writes_says_so(store: ClaimStore, case: ClaimCase) -> None:
    await answered(store, "r-1", position=1)
    await case.remember()
    await answered(store, "r-2", position=2)
    await case.come_back()

    with pytest.raises(LedgerLost):
        await asked(store, claim("r-2"))
    assert await store.checkpoint(RESPONSES) == 1


async def test_an_answer_into_a_store_that_lost_writes_does_not_hide_them(
    store: ClaimStore, case: ClaimCase
) -> None:
    await answered(store, "r-1", position=1)
    await case.remember()
    await answered(store, "r-2", position=2)
    await case.come_back()

    await answered(store, "r-3", position=3)

    with pytest.raises(LedgerLost):
        await asked(store, claim("r-2"))
    assert await store.checkpoint(RESPONSES) == 1


async def test_a_store_that_is_brought_up_to_date_admits_again(store: ClaimStore, case: ClaimCase) -> None:
    await answered(store, "r-1", position=1)
    await case.empty()
    await answered(store, "r-1")
    await store.rebuilt(RESPONSES, 1)

    assert await asked(store, claim("r-1"), claim("r-2")) == [Duplicate(), Admit(1)]


async def test_another_worker_knows_what_was_answered(store: ClaimStore, case: ClaimCase) -> None:
    await answered(store, "r-1", position=1)

    assert await asked(case.worker(), claim("r-1")) == [Duplicate()]


# -- away


async def test_a_store_that_is_away_says_so(case: ClaimCase) -> None:
    away = case.away()

    with pytest.raises(StoreUnavailable):
        await away.claim([claim()])
    with pytest.raises(StoreUnavailable):
        await away.answer([Answered("acme", "r-1", SHA)], {})
    with pytest.raises(StoreUnavailable):
        await away.checkpoint(RESPONSES)
    with pytest.raises(StoreUnavailable):
        await away.rebuilt(RESPONSES, 1)


# -- owners


async def test_only_the_owner_s_claims_are_decided(case: ClaimCase) -> None:
    frozen, owner = case.worker(), case.worker()
    await owner.rebuilt(RESPONSES, 0)
    await frozen.own([0], 3, "frozen")
    assert await frozen.claim([replace(claim("r-1"), owner="frozen")]) == [Admit(1)]

    assert await owner.own([0], 4, "owner") == frozenset()

    assert await frozen.claim([replace(claim("r-1"), owner="frozen")]) == [Gone()]
    assert await owner.claim([replace(claim("r-1"), owner="owner")]) == [Admit(2)]


async def test_an_earlier_generation_takes_nothing_from_a_later_one_unless_it_must(case: ClaimCase) -> None:
    store = case.worker()
    await store.own([0, 1], 4, "later")

    assert await store.own([0, 1, 2], 3, "earlier") == {0, 1}
    assert await store.own([0], 4, "the same") == frozenset()
    assert await store.own([0], 1, "the group was made anew", forced=True) == frozenset()


async def test_a_store_that_does_not_know_the_owner_was_emptied(case: ClaimCase) -> None:
    store = case.worker()
    await store.rebuilt(RESPONSES, 0)

    with pytest.raises(LedgerLost):
        await store.claim([replace(claim("r-1"), owner="owner")])


async def test_an_attempt_is_numbered_from_where_the_claimer_stands(store: ClaimStore) -> None:
    later = replace(claim(), first_attempt=4)

    assert await store.claim([later, claim("r-2")]) == [Admit(4), Admit(1)]
    assert await store.claim([later]) == [Admit(5)]


async def test_a_store_that_was_emptied_while_a_shelf_was_read_does_not_take_it_for_remembered(
    case: ClaimCase,
) -> None:
    store = case.worker()
    await store.own([0], 3, "owner")
    await store.rebuilt(RESPONSES, 7, "owner")
    assert await store.checkpoint(RESPONSES) == 7

    await case.empty()

    with pytest.raises(StoreUnavailable):
        await store.rebuilt(RESPONSES, 9, "owner")
    assert await store.checkpoint(RESPONSES) is None
