"""What every run store does: one attempt writes at a time, nothing is done twice, nothing decided changes."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from agents_defs.run_journal import RunLost
from streams.flow import Admit, Answered, Conflict, Decided, Duplicate
from streams.policy.gates import Gate
from streams.policy.windows import Window
from streams.ports import Begun, ClaimStore, RunKey, RunStore, SessionTurn, StoreUnavailable, Told
from tests.contract.claim_stores import ClaimCase
from tests.contract.run_steps import (
    OTHER_SHA,
    OUTCOME,
    SHA,
    admitted,
    answered,
    begun,
    claimed,
    read,
    said,
)

MINUTE = Window(3, "minute")


# -- claims


async def test_a_claim_that_is_asked_again_has_the_same_verdict(claims: ClaimStore, case: ClaimCase) -> None:
    for _ in range(3):
        assert await claimed(claims, "t-1") == Admit(1)

    assert await claimed(case.worker(), "t-2") == Admit(2)
    assert await claimed(claims, "t-2") == Admit(2)


async def test_a_claim_that_is_asked_again_counts_once(claims: ClaimStore) -> None:
    for _ in range(5):
        await claimed(claims, "t-1", gates=(Gate(MINUTE),))

    verdicts = [
        await claimed(claims, request_id=f"r-{number}", gates=(Gate(MINUTE),)) for number in (2, 3, 4)
    ]

    assert verdicts[:2] == [Admit(1)] * 2
    assert not isinstance(verdicts[2], Admit)


async def test_an_older_delivery_that_asks_again_is_the_next_attempt(claims: ClaimStore) -> None:
    tokens = ["t-1", "t-2", "t-1"]

    assert [await claimed(claims, token) for token in tokens] == [Admit(1), Admit(2), Admit(3)]


async def test_deliveries_without_a_token_are_each_their_own(claims: ClaimStore) -> None:
    assert [await claimed(claims, "") for _ in range(3)] == [Admit(1), Admit(2), Admit(3)]


@pytest.mark.parametrize("token", ["", "t", "ü:語", "1.5", "0x1f", "a" * 300, "\x00"])
async def test_a_token_may_be_any_text(claims: ClaimStore, runs: RunStore, token: str) -> None:
    run = await admitted(claims, token)
    await begun(runs, run)
    await runs.decide(run, OUTCOME, None)

    assert await claimed(claims, token) == Decided(OUTCOME)


async def test_of_many_deliveries_that_claim_at_once_one_holds_the_request(
    claims: ClaimStore, case: ClaimCase
) -> None:
    tokens = [f"t-{number}" for number in range(50)]

    verdicts = await asyncio.gather(*(claimed(case.worker(), token) for token in tokens))

    attempts = [verdict.attempt for verdict in verdicts if isinstance(verdict, Admit)]
    assert sorted(attempts) == list(range(1, 51))
    keys = [RunKey("acme", "r-1", *pair) for pair in zip(attempts, tokens, strict=True)]
    ends = await asyncio.gather(*(begun(case.runs(), key) for key in keys), return_exceptions=True)
    assert [key.attempt for key, end in zip(keys, ends, strict=True) if isinstance(end, Begun)] == [50]
    assert sum(isinstance(end, RunLost) for end in ends) == 49


async def test_generations_are_claimed_each_for_itself(claims: ClaimStore) -> None:
    await claimed(claims, "t-1")
    await answered(claims, replayable=True)

    assert await claimed(claims, "t-2", generation=1) == Admit(1)
    assert await claimed(claims, "t-3", generation=1) == Admit(2)
    assert await claimed(claims, "t-3", generation=1, sha256=OTHER_SHA) == Conflict()
    assert await claimed(claims, "t-4", generation=0) == Duplicate()
    await answered(claims, generation=1)
    assert await claimed(claims, "t-5", generation=1) == Duplicate()
    assert await claimed(claims, "t-5", generation=2) == Admit(1)


# -- the fence

Call = Callable[[RunStore, RunKey], Awaitable[object]]

CALLS: dict[str, Call] = {
    "begin": lambda runs, run: runs.begin(run, 1, None),
    "record": lambda runs, run: runs.record(run, Told({"m:1": b"late"}), 1),
    "decide": lambda runs, run: runs.decide(run, b"late", SessionTurn("s", said("late"))),
    "leave": lambda runs, run: runs.leave(run, 60),
}


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> Call:
    return CALLS[request.param]


async def test_an_older_attempt_may_do_nothing(claims: ClaimStore, runs: RunStore, call: Call) -> None:
    old = await admitted(claims, "t-1")
    await begun(runs, old)
    new = await admitted(claims, "t-2")

    with pytest.raises(RunLost) as lost:
        await call(runs, old)

    assert not lost.value.emptied
    found = await begun(runs, new)
    assert (found.entries, found.turns_out) == ({}, 0)
    assert await read(claims, runs) == []
    assert await claimed(claims, "t-2") == Admit(2)


async def test_a_run_that_was_never_admitted_may_do_nothing(runs: RunStore, call: Call) -> None:
    with pytest.raises(RunLost):
        await call(runs, RunKey("acme", "r-1", 1, "t-1"))


@pytest.mark.parametrize(
    "wrong",
    [
        RunKey("acme", "r-1", 1, "t-2"),
        RunKey("acme", "r-1", 2, "t-1"),
        RunKey("acme", "r-1", 1, ""),
        RunKey("acme", "r-1", 1, "t-1", generation=1),
        RunKey("globex", "r-1", 1, "t-1"),
    ],
)
async def test_only_the_run_that_was_admitted_may_write(
    claims: ClaimStore, runs: RunStore, call: Call, wrong: RunKey
) -> None:
    await begun(runs, await admitted(claims))

    with pytest.raises(RunLost):
        await call(runs, wrong)


async def test_in_an_emptied_store_no_run_goes_on(
    claims: ClaimStore, runs: RunStore, case: ClaimCase, call: Call
) -> None:
    run = await admitted(claims)
    await begun(runs, run)
    await case.empty()

    with pytest.raises(RunLost) as lost:
        await call(runs, run)

    assert lost.value.emptied


async def test_an_answered_run_may_do_nothing(claims: ClaimStore, runs: RunStore, call: Call) -> None:
    run = await admitted(claims)
    await begun(runs, run)
    await runs.decide(run, OUTCOME, None)
    await answered(claims)

    with pytest.raises(RunLost):
        await call(runs, run)


# -- the outcome


async def test_what_was_decided_is_given_to_whoever_claims_next(
    claims: ClaimStore, runs: RunStore, case: ClaimCase
) -> None:
    run = await admitted(claims)
    await begun(runs, run)
    await runs.decide(run, OUTCOME, None)

    assert await claimed(claims, "t-1") == Decided(OUTCOME)
    for token in ("t-2", "t-3", "t-3", ""):
        assert await claimed(case.worker(), token) == Decided(OUTCOME)
    assert await claimed(claims, "t-4", sha256=OTHER_SHA) == Conflict()


async def test_what_was_decided_does_not_change(claims: ClaimStore, runs: RunStore) -> None:
    run = await admitted(claims)
    await begun(runs, run)
    await runs.decide(run, OUTCOME, None)
    await runs.decide(run, OUTCOME, None)

    await runs.decide(run, b"another", SessionTurn("s", said("another")))

    assert await claimed(claims, "t-2") == Decided(OUTCOME)
    assert await read(claims, runs) == []


async def test_after_the_outcome_nothing_is_recorded_or_begun(claims: ClaimStore, runs: RunStore) -> None:
    run = await admitted(claims)
    await begun(runs, run)
    await runs.decide(run, OUTCOME, None)

    with pytest.raises(RunLost):
        await runs.record(run, Told({"m:1": b"late"}), 0)
    with pytest.raises(RunLost):
        await begun(runs, run)


async def test_who_decided_may_leave(claims: ClaimStore, runs: RunStore) -> None:
    run = await admitted(claims)
    await begun(runs, run)
    await runs.decide(run, OUTCOME, None)

    await runs.leave(run, 60)

    assert await claimed(claims, "t-2") == Decided(OUTCOME)


async def test_an_outcome_may_be_decided_of_a_run_that_never_began(
    claims: ClaimStore, runs: RunStore
) -> None:
    await runs.decide(await admitted(claims), OUTCOME, None)

    assert await claimed(claims, "t-2") == Decided(OUTCOME)


async def test_once_it_is_answered_the_outcome_is_forgotten(claims: ClaimStore, runs: RunStore) -> None:
    run = await admitted(claims)
    await begun(runs, run)
    await runs.decide(run, OUTCOME, None)
    await answered(claims)

    assert await claimed(claims, "t-2") == Duplicate()
    assert await claimed(claims, "t-1") == Duplicate()


# -- answers and replays


async def test_what_was_answered_leaves_no_journal(claims: ClaimStore, runs: RunStore) -> None:
    run = await admitted(claims)
    await begun(runs, run)
    await runs.record(run, Told({"m:1": b"one"}), 1)
    await runs.decide(run, OUTCOME, None)
    await answered(claims)

    found = await begun(runs, await admitted(claims, "t-2", generation=1), version=2)

    assert (found.entries, found.agent_version, found.turns_out, found.crashes) == ({}, 2, 0, 0)


async def test_a_replay_goes_on_from_the_journal_of_what_failed(claims: ClaimStore, runs: RunStore) -> None:
    await begun(runs, await admitted(claims, "t-0"))
    run = await admitted(claims)
    await begun(runs, run)
    await runs.record(run, Told({"m:1": b"paid", "@own": b"x"}), 3)
    await runs.decide(run, OUTCOME, None)
    await answered(claims, replayable=True)

    replay = await admitted(claims, "t-2", generation=1)
    found = await begun(runs, replay, version=2)

    assert found.entries == {"m:1": b"paid"}
    assert (found.agent_version, found.turns_out, found.crashes) == (1, 0, 0)
    assert await claimed(claims, "t-3", generation=1) == Admit(2)  # not what the first generation decided


async def test_each_generation_has_its_outcome(claims: ClaimStore, runs: RunStore) -> None:
    first = await admitted(claims)
    await runs.decide(first, b"first", None)
    await answered(claims, replayable=True)
    second = await admitted(claims, "t-2", generation=1)

    await runs.decide(second, b"second", None)

    assert await claimed(claims, "t-3", generation=1) == Decided(b"second")
    assert await claimed(claims, "t-3") == Duplicate()


@pytest.mark.parametrize("replayable", [False, True])
async def test_an_answer_that_is_remembered_again_does_not_touch_the_replay_that_runs(
    claims: ClaimStore, runs: RunStore, replayable: bool
) -> None:
    await runs.decide(await admitted(claims), b"first", None)
    await answered(claims, replayable=True)
    replay = await admitted(claims, "t-2", generation=1)
    await begun(runs, replay)
    await runs.record(replay, Told({"m:1": b"paid"}), 2)

    await answered(claims, replayable=replayable)

    found = await begun(runs, await admitted(claims, "t-3", generation=1))
    assert (found.entries, found.turns_out, found.crashes) == ({"m:1": b"paid"}, 2, 1)


async def test_many_answers_at_once_are_each_as_they_are(claims: ClaimStore, runs: RunStore) -> None:
    for number in range(9):
        run = await admitted(claims, request_id=f"r-{number}")
        await begun(runs, run)
        await runs.record(run, Told({"m:1": b"paid"}), 0)
        await runs.decide(run, OUTCOME, None)

    await claims.answer([Answered("acme", f"r-{n}", SHA, 0, n % 2 == 1) for n in range(9)], {})

    for number in range(9):
        replay = await admitted(claims, "t-2", request_id=f"r-{number}", generation=1)
        assert len((await begun(runs, replay)).entries) == number % 2


# -- away


async def test_a_store_that_is_away_says_so_and_works_again(
    claims: ClaimStore, runs: RunStore, case: ClaimCase
) -> None:
    run = await admitted(claims)
    await begun(runs, run)
    await case.hide()

    for call in CALLS.values():
        with pytest.raises(StoreUnavailable):
            await call(runs, run)

    await case.show()
    await runs.record(run, Told({"m:1": b"one"}), 0)
    assert (await begun(runs, run)).entries == {"m:1": b"one"}
