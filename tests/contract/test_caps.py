"""Seats under several caps at once, also those of all tenants; requests that are refused for want of one."""

from typing import Any

import pytest

from streams.flow import Admit, Refuse
from streams.policy.caps import Bench, Cap, Filled
from streams.policy.gates import Gate, Spending
from streams.policy.windows import Window
from streams.ports import ClaimStore, Reservations, RunKey, RunStore
from tests.contract.claim_stores import ClaimCase
from tests.contract.run_steps import OUTCOME, admitted, answered, begun, claimed

MINE = Cap(Bench("acme"), 2)
AGENT = Cap(Bench("acme", "support"), 1)
MODEL = Cap(Bench("acme", model="gpt"), 1)
SHARED = Cap(Bench(agent="support"), 1)


@pytest.fixture
def reservations(case: ClaimCase) -> Reservations:
    return case.reservations()


async def several(claims: ClaimStore, count: int, tenant_id: str = "acme") -> list[RunKey]:
    return [
        await admitted(claims, tenant_id=tenant_id, request_id=f"r-{number}")
        for number in range(1, count + 1)
    ]


async def test_who_finds_no_seat_under_one_cap_takes_none_under_another(
    claims: ClaimStore, reservations: Reservations
) -> None:
    one, two, three = await several(claims, 3)
    assert await reservations.sit(one, (MINE, AGENT, MODEL, SHARED)) is None

    assert await reservations.sit(two, (MINE, AGENT)) == Filled(AGENT, 1)
    assert await reservations.sit(two, (MINE, MODEL)) == Filled(MODEL, 1)
    assert await reservations.sit(two, (MINE, SHARED)) == Filled(SHARED, 1)

    assert await reservations.sit(two, (MINE,)) is None
    assert await reservations.sit(three, (MINE,)) == Filled(MINE, 2)


@pytest.mark.parametrize("how", ["decided", "left", "answered", "claimed anew"])
async def test_all_its_seats_are_free_when_a_run_is_over_or_its_worker_is_dead(
    claims: ClaimStore, runs: RunStore, reservations: Reservations, how: str
) -> None:
    one, two = await several(claims, 2)
    every = (Cap(MINE.bench, 1), AGENT, MODEL, SHARED)
    await begun(runs, one)
    assert await reservations.sit(one, every) is None

    if how == "decided":
        await runs.decide(one, OUTCOME, None)
    elif how == "left":
        await runs.leave(one, 0.0)
    elif how == "answered":
        await answered(claims)
    else:
        await admitted(claims, "t-9")

    for cap in every:
        assert await reservations.sit(two, (cap,)) is None


async def test_who_asks_again_under_another_cap_stands_up_from_all_of_them(
    claims: ClaimStore, runs: RunStore, reservations: Reservations
) -> None:
    one, two = await several(claims, 2)
    for caps in ((AGENT,), (MODEL, AGENT), (MODEL,), (SHARED,)):
        assert await reservations.sit(one, caps) is None
        assert await reservations.sit(one, caps) is None

    await runs.leave(one, 0.0)

    assert await reservations.sit(two, (AGENT, MODEL, SHARED)) is None


async def test_all_tenants_share_the_seats_of_an_agent_and_no_others(
    claims: ClaimStore, reservations: Reservations
) -> None:
    (mine,), (theirs,) = await several(claims, 1), await several(claims, 1, "globex")
    assert await reservations.sit(mine, (AGENT, SHARED)) is None

    assert await reservations.sit(theirs, (SHARED,)) == Filled(SHARED, 1)
    assert await reservations.sit(theirs, (Cap(Bench("globex", "support"), 1),)) is None
    assert await reservations.sit(theirs, (Cap(Bench(agent="research"), 1),)) is None


async def test_workers_that_wait_for_a_seat_of_all_tenants_have_it_in_turns(
    claims: ClaimStore, runs: RunStore, case: ClaimCase
) -> None:
    here, there = case.reservations(), case.reservations()
    one, two, three, four = await several(claims, 4)
    assert await here.sit(one, (SHARED,), waits=True) is None
    assert await there.sit(two, (SHARED,), waits=True) is not None

    await runs.leave(one, 0.0)
    assert await here.sit(three, (SHARED,), waits=True) == Filled(SHARED, 1)
    assert await there.sit(two, (SHARED,), waits=True) is None

    await runs.leave(two, 0.0)
    assert await there.sit(four, (SHARED,), waits=True) == Filled(SHARED, 1)
    assert await here.sit(three, (SHARED,), waits=True) is None


async def test_who_does_not_wait_or_waits_for_another_seat_keeps_nobody_from_one(
    claims: ClaimStore, runs: RunStore, case: ClaimCase
) -> None:
    here, there = case.reservations(), case.reservations()
    one, two, three = await several(claims, 3)
    assert await here.sit(one, (AGENT, SHARED), waits=True) is None
    assert await there.sit(two, (SHARED,)) is not None
    assert await there.sit(two, (AGENT, SHARED), waits=True) == Filled(AGENT, 1)

    await runs.leave(one, 0.0)

    assert await here.sit(three, (SHARED,), waits=True) is None


# -- refused after all


REQUESTS = Gate(Window(1, "day"), returned=True)


async def window(claims: ClaimStore, request_id: str, **more: Any) -> bool:
    """Whether there is room for another request."""
    return await claimed(claims, request_id=request_id, gates=(Gate(Window(1, "day")),), **more) == Admit(1)


async def test_a_request_that_is_refused_a_seat_has_counted_nowhere(
    claims: ClaimStore, runs: RunStore
) -> None:
    users = Gate(Window(1, "day"), user="ann", returned=True)
    run = await admitted(claims, gates=(REQUESTS, users))
    assert isinstance(await claimed(claims, request_id="r-2", gates=(Gate(Window(1, "day")),)), Refuse)

    await runs.decide(run, OUTCOME, None, Spending(requests=0))
    await runs.decide(run, OUTCOME, None, Spending(requests=0))

    assert await claimed(claims, request_id="r-3", gates=(REQUESTS, users)) == Admit(1)
    assert not await window(claims, "r-4")


@pytest.mark.parametrize("how", ["decided", "left", "answered", "claimed anew"])
async def test_a_request_that_is_not_refused_stays_counted(
    claims: ClaimStore, runs: RunStore, how: str
) -> None:
    run = await admitted(claims, gates=(REQUESTS,))

    if how == "decided":
        await runs.decide(run, OUTCOME, None)
    elif how == "left":
        await runs.leave(run, 1.0)
    elif how == "claimed anew":
        await admitted(claims, "t-2")
    if how != "left":
        await answered(claims)

    assert not await window(claims, "r-2")


async def test_what_could_not_be_returned_is_not(claims: ClaimStore, runs: RunStore) -> None:
    run = await admitted(claims, gates=(Gate(Window(1, "day")),))

    await runs.decide(run, OUTCOME, None, Spending(requests=0))

    assert not await window(claims, "r-2")


async def test_who_is_admitted_next_is_refused_just_the_same(claims: ClaimStore, runs: RunStore) -> None:
    await admitted(claims, gates=(REQUESTS,))
    next_one = await admitted(claims, "t-2", gates=(REQUESTS,))

    await runs.decide(next_one, OUTCOME, None, Spending(requests=0))

    assert await window(claims, "r-2")
