"""What runs hold of their tenant's windows: more before each call, what was used at the end, once in all."""

import asyncio

import pytest

from agents_defs.run_journal import RunLost
from schemas.failures import Code
from streams.flow import Refuse
from streams.policy.caps import Bench, Cap, Filled
from streams.policy.gates import Gate, Spending
from streams.policy.windows import Window
from streams.ports import ClaimStore, Reservations, RunKey, RunStore
from tests.contract.claim_stores import ClaimCase
from tests.contract.run_steps import OUTCOME, admitted, answered, begun

LIMIT = 1000


@pytest.fixture
def reservations(case: ClaimCase) -> Reservations:
    return case.reservations()


def tokens(amount: int, limit: int = LIMIT) -> Gate:
    return Gate(Window(limit, "day"), amount, "tokens")


def dollars(amount: int, limit: int = LIMIT) -> Gate:
    return Gate(Window(limit, "day"), amount, "cost_usd")


async def room(reservations: Reservations, claims: ClaimStore) -> int:
    """How many tokens are left, as somebody finds who asks for too many."""
    probe = await admitted(claims, "probe", request_id="probe")
    refused = await reservations.reserve(probe, [tokens(LIMIT)])
    if refused is None:
        return LIMIT
    used = refused.message.split("(")[1].split(" ")[0]
    return LIMIT - int(used)


async def a_run(claims: ClaimStore, runs: RunStore, *gates: Gate, token: str = "t-1") -> RunKey:
    run = await admitted(claims, token, gates=gates)
    await begun(runs, run)
    return run


async def test_a_run_that_ends_counts_what_it_used(
    claims: ClaimStore, runs: RunStore, reservations: Reservations
) -> None:
    run = await a_run(claims, runs, tokens(700))

    await runs.decide(run, OUTCOME, None, Spending(120))
    await runs.decide(run, OUTCOME, None, Spending(120))
    await answered(claims)

    assert await room(reservations, claims) == 880


async def test_what_it_used_beyond_its_reservation_counts_too(
    claims: ClaimStore, runs: RunStore, reservations: Reservations
) -> None:
    run = await a_run(claims, runs, tokens(100))

    await runs.decide(run, OUTCOME, None, Spending(130))

    assert await room(reservations, claims) == 870


async def test_a_run_that_waits_holds_what_it_used_and_no_more(
    claims: ClaimStore, runs: RunStore, reservations: Reservations
) -> None:
    run = await a_run(claims, runs, tokens(700))

    await runs.leave(run, 60.0, Spending(50))

    assert await room(reservations, claims) == 950


async def test_a_run_that_goes_on_reserves_what_it_lacks(
    claims: ClaimStore, runs: RunStore, reservations: Reservations
) -> None:
    run = await a_run(claims, runs, tokens(700))
    await runs.leave(run, 60.0, Spending(50))
    later = await a_run(claims, runs, token="t-2")

    assert await reservations.reserve(later, [tokens(400)]) is None
    assert await reservations.reserve(later, [tokens(400)]) is None
    assert await reservations.reserve(later, [tokens(300)]) is None
    await runs.decide(later, OUTCOME, None, Spending(350))

    assert await room(reservations, claims) == 650


async def test_what_a_dead_run_reserved_is_its_successor_s(
    claims: ClaimStore, runs: RunStore, reservations: Reservations
) -> None:
    await a_run(claims, runs, tokens(700))
    later = await a_run(claims, runs, tokens(700), token="t-2")

    assert await reservations.reserve(later, [tokens(900)]) is None
    assert await room(reservations, claims) == 100
    await runs.decide(later, OUTCOME, None, Spending(10))

    assert await room(reservations, claims) == 990


async def test_who_is_no_longer_the_one_neither_reserves_nor_settles(
    claims: ClaimStore, runs: RunStore, reservations: Reservations
) -> None:
    dead = await a_run(claims, runs, tokens(700))
    await a_run(claims, runs, token="t-2")

    with pytest.raises(RunLost):
        await reservations.reserve(dead, [tokens(900)])
    with pytest.raises(RunLost):
        await runs.leave(dead, 60.0, Spending(1))
    with pytest.raises(RunLost):
        await runs.decide(dead, OUTCOME, None, Spending(1))

    assert await room(reservations, claims) == 300


async def test_no_room_says_which_gate_and_until_when_and_changes_nothing(
    claims: ClaimStore, runs: RunStore, reservations: Reservations
) -> None:
    run = await a_run(claims, runs, tokens(400), dollars(900))
    other = await admitted(claims, request_id="r-2", gates=(tokens(300),))

    refused = await reservations.reserve(run, [tokens(800), dollars(950)])

    assert isinstance(refused, Refuse)
    assert refused.code is Code.LIMIT_TOKENS
    assert "(700 tokens used, 400 tokens asked for)" in refused.message
    assert refused.retry_after_ms is not None
    assert 86_000_000 < refused.retry_after_ms < 88_000_000
    await runs.leave(other, 0.0, Spending(0))
    assert await room(reservations, claims) == 600


async def test_what_lacks_and_can_never_be_had_is_refused_for_good(
    claims: ClaimStore, runs: RunStore, reservations: Reservations
) -> None:
    run = await a_run(claims, runs, tokens(100))

    refused = await reservations.reserve(run, [tokens(1101)])

    assert isinstance(refused, Refuse)
    assert (refused.code, refused.retry_after_ms) == (Code.LIMIT_TOKENS, None)


async def test_a_limit_that_is_new_in_the_midst_of_a_run_is_asked_for_all_of_it(
    claims: ClaimStore, runs: RunStore, reservations: Reservations
) -> None:
    run = await a_run(claims, runs)

    assert await reservations.reserve(run, [tokens(250)]) is None
    await runs.decide(run, OUTCOME, None, Spending(200))

    assert await room(reservations, claims) == 800


async def test_a_replay_reserves_and_settles_for_itself(
    claims: ClaimStore, runs: RunStore, reservations: Reservations
) -> None:
    first = await a_run(claims, runs, tokens(100))
    await runs.decide(first, OUTCOME, None, Spending(60))
    await answered(claims, replayable=True)
    again = await admitted(claims, "t-2", generation=1, gates=(tokens(100),))
    await begun(runs, again)
    assert await room(reservations, claims) == 840

    await answered(claims, replayable=True)  # the first one is remembered again
    assert await room(reservations, claims) == 840
    await runs.decide(again, OUTCOME, None, Spending(5))

    assert await room(reservations, claims) == 935


async def test_runs_that_ask_at_once_never_get_more_than_there_is(
    claims: ClaimStore, runs: RunStore, case: ClaimCase
) -> None:
    held = [await admitted(claims, request_id=f"r-{number}") for number in range(30)]

    replies = await asyncio.gather(*(case.reservations().reserve(run, [tokens(90)]) for run in held))

    assert sum(reply is None for reply in replies) == 11


# -- seats


def runs_of(tenant_id: str, most: int) -> tuple[Cap, ...]:
    return (Cap(Bench(tenant_id), most),)


async def test_so_many_sit_and_no_more(claims: ClaimStore, reservations: Reservations) -> None:
    held = [await admitted(claims, request_id=f"r-{number}") for number in range(4)]
    elsewhere = await admitted(claims, tenant_id="other")

    assert [await reservations.sit(run, runs_of("acme", 3)) for run in held[:3]] == [None] * 3
    assert await reservations.sit(held[3], runs_of("acme", 3)) == Filled(runs_of("acme", 3)[0], 3)
    assert [await reservations.sit(run, runs_of("acme", 3)) for run in held[:3]] == [None] * 3
    assert await reservations.sit(elsewhere, runs_of("other", 1)) is None
    assert await reservations.sit(held[3], runs_of("acme", 4)) is None


@pytest.mark.parametrize("how", ["decided", "left", "answered", "claimed anew", "left for later"])
async def test_a_seat_is_free_when_its_run_is_over(
    claims: ClaimStore, runs: RunStore, reservations: Reservations, how: str
) -> None:
    run = await a_run(claims, runs)
    follower = await admitted(claims, request_id="r-2")
    assert await reservations.sit(run, runs_of("acme", 1)) is None
    assert await reservations.sit(follower, runs_of("acme", 1)) is not None

    if how == "decided":
        await runs.decide(run, OUTCOME, None)
    elif how == "answered":
        await answered(claims)
    elif how == "claimed anew":
        await admitted(claims, "t-9")
    else:
        await runs.leave(run, 60.0 if how == "left for later" else 0.0)

    assert await reservations.sit(follower, runs_of("acme", 1)) is None
    third = await admitted(claims, request_id="r-3")
    assert await reservations.sit(third, runs_of("acme", 1)) is not None


async def test_who_is_no_longer_the_one_neither_sits_down_nor_stands_up(
    claims: ClaimStore, runs: RunStore, reservations: Reservations
) -> None:
    dead = await a_run(claims, runs)
    present = await a_run(claims, runs, token="t-2")
    assert await reservations.sit(present, runs_of("acme", 1)) is None

    with pytest.raises(RunLost):
        await reservations.sit(dead, runs_of("acme", 5))
    with pytest.raises(RunLost):
        await runs.leave(dead, 0.0)

    second = await admitted(claims, request_id="r-2")
    assert await reservations.sit(second, runs_of("acme", 1)) is not None


async def test_many_that_sit_down_at_once_are_never_too_many(claims: ClaimStore, case: ClaimCase) -> None:
    held = [await admitted(claims, request_id=f"r-{number}") for number in range(20)]

    replies = await asyncio.gather(*(case.reservations().sit(run, runs_of("acme", 7)) for run in held))

    assert sum(reply is None for reply in replies) == 7
