"""A store that was emptied takes what it does not know of a window for full, until it is told."""

import time
from collections.abc import Mapping

from streams.flow import Admit, Refuse, Verdict
from streams.policy.gates import NOTHING_SPENT, Gate
from streams.policy.windows import MonthWindow, Per, Window
from streams.ports import ClaimStore, Shelf
from streams.window_keeper import KnownWindow
from tests.contract.claim_stores import ClaimCase
from tests.contract.run_steps import admitted, claimed

RESPONSES = Shelf("responses", 0)
DAY = Window(20, "day")
DAY_GATE = Gate(DAY)
UNKNOWN_IS_FULL = "not known yet what was used"


async def emptied(claims: ClaimStore, case: ClaimCase, position: int = 7) -> int:
    """It was, and the ledger is read again; since when all is counted."""
    await case.empty()
    await claims.rebuilt(RESPONSES, position)
    return (await case.windows().gaps([0])).get(0, 0)


def now_ms() -> int:
    return int(time.time() * 1000)


def known(buckets: Mapping[int, int], per: Per = "day", agent: str = "", **more: bool) -> KnownWindow:
    return KnownWindow("acme", "requests", Window(0, per), agent, more.get("each_user", False), buckets)


async def told(case: ClaimCase, since_ms: int, *windows: KnownWindow) -> None:
    await case.windows().refill(0, since_ms, windows)
    await case.windows().told(0, since_ms)


async def ask(claims: ClaimStore, number: int, *gates: Gate) -> Verdict:
    return await claimed(claims, f"{number}", request_id=f"r-{number}", gates=gates)


def unknown(verdict: Verdict) -> bool:
    return isinstance(verdict, Refuse) and UNKNOWN_IS_FULL in verdict.problem.message


async def test_a_new_deployment_lacks_nothing(claims: ClaimStore, case: ClaimCase) -> None:
    assert await case.windows().gaps([0]) == {}
    assert await ask(claims, 1, DAY_GATE) == Admit(1)


async def test_what_is_not_known_counts_as_full(claims: ClaimStore, case: ClaimCase) -> None:
    await emptied(claims, case)

    verdict = await ask(claims, 1, DAY_GATE)

    assert unknown(verdict)
    assert isinstance(verdict, Refuse)
    assert verdict.retry_after_ms is not None
    assert 0 < verdict.retry_after_ms <= 5000


async def test_who_has_no_such_limit_does_not_wait(claims: ClaimStore, case: ClaimCase) -> None:
    await emptied(claims, case)
    month = MonthWindow(5, 24_000, now_ms() + 10_000)

    assert await ask(claims, 1) == Admit(1)
    assert await ask(claims, 2, Gate(month, 1, "runs")) == Admit(1)
    assert await ask(claims, 3, Gate(DAY, 0, "tokens")) == Admit(1)


async def test_one_that_lost_its_owner_with_its_memory_lacks_it_as_well(case: ClaimCase) -> None:
    other = case.worker()
    await other.rebuilt(RESPONSES, 7)

    assert unknown(await ask(other, 1, DAY_GATE))


async def test_what_was_never_answered_lacks_something_where_this_worker_had_claims(
    claims: ClaimStore, case: ClaimCase
) -> None:
    await ask(claims, 1, DAY_GATE)

    await emptied(claims, case, position=0)

    assert unknown(await ask(claims, 2, DAY_GATE))


async def test_another_owner_that_reads_on_opens_no_gap(claims: ClaimStore, case: ClaimCase) -> None:
    await claims.rebuilt(RESPONSES, 7)
    successor = case.worker()

    await successor.rebuilt(RESPONSES, 9)

    assert await case.windows().gaps([0]) == {}
    assert await ask(successor, 1, DAY_GATE) == Admit(1)


async def test_a_gap_outlives_those_who_noted_it(claims: ClaimStore, case: ClaimCase) -> None:
    since = await emptied(claims, case)
    successor = case.worker()

    await successor.rebuilt(RESPONSES, 9)

    assert await case.windows().gaps([0]) == {0: since}
    assert unknown(await ask(successor, 1, DAY_GATE))


async def test_exactly_what_was_not_used_is_left_when_it_was_told(
    claims: ClaimStore, case: ClaimCase
) -> None:
    since = await emptied(claims, case)
    bucket = DAY.bucket(since)

    await told(case, since, known({bucket - 60: 5, bucket - 1: 4, bucket: 6}))
    verdicts = [await ask(claims, number, DAY_GATE) for number in range(20)]

    assert verdicts[:5] == [Admit(1)] * 5
    assert all(isinstance(verdict, Refuse) and not unknown(verdict) for verdict in verdicts[5:])
    assert await case.windows().gaps([0]) == {}


async def test_told_twice_is_as_told_once(claims: ClaimStore, case: ClaimCase) -> None:
    since = await emptied(claims, case)
    bucket = DAY.bucket(since)
    await case.windows().refill(0, since, [known({bucket: 15})])

    await told(case, since, known({bucket: 15}))

    verdicts = [await ask(claims, number, DAY_GATE) for number in range(6)]
    assert verdicts[:5] == [Admit(1)] * 5
    assert isinstance(verdicts[5], Refuse)


async def test_what_counts_already_is_never_lowered(claims: ClaimStore, case: ClaimCase) -> None:
    since = await emptied(claims, case)
    bucket = DAY.bucket(since)
    await case.windows().refill(0, since, [known({bucket: 15})])

    await told(case, since, known({bucket: 3}))

    verdicts = [await ask(claims, number, DAY_GATE) for number in range(6)]
    assert verdicts[:5] == [Admit(1)] * 5
    assert isinstance(verdicts[5], Refuse)


async def test_while_it_is_told_nobody_is_admitted(claims: ClaimStore, case: ClaimCase) -> None:
    since = await emptied(claims, case)

    await case.windows().refill(0, since, [known({DAY.bucket(since): 1})])

    assert unknown(await ask(claims, 1, DAY_GATE))


async def test_what_is_told_of_an_earlier_gap_fills_no_later_one(claims: ClaimStore, case: ClaimCase) -> None:
    before = await emptied(claims, case)
    await case.passes(60_000)
    await emptied(claims, case)
    await case.passes(1_000)

    await told(case, before, known({DAY.bucket(before): 1}))

    assert unknown(await ask(claims, 1, DAY_GATE))


async def test_what_is_known_of_an_earlier_gap_is_not_added_to_a_later_one(
    claims: ClaimStore, case: ClaimCase
) -> None:
    before = await emptied(claims, case)
    await case.passes(60_000)
    await emptied(claims, case)
    await case.passes(1_000)
    since = (await case.windows().gaps([0]))[0]

    await case.windows().refill(0, before, [known({DAY.bucket(since): 20})])
    await told(case, since)

    assert await ask(claims, 1, DAY_GATE) == Admit(1)


async def test_without_being_told_a_window_opens_when_it_is_all_known(
    claims: ClaimStore, case: ClaimCase
) -> None:
    await emptied(claims, case)
    await case.passes(61_000)

    assert await ask(claims, 1, Gate(Window(5, "minute"))) == Admit(1)
    assert unknown(await ask(claims, 2, Gate(Window(5, "hour"))))

    await case.passes(61 * 60_000)

    assert await ask(claims, 3, Gate(Window(5, "hour"))) == Admit(1)
    assert unknown(await ask(claims, 4, DAY_GATE))

    await case.passes(61 * 24 * 60_000)

    assert await ask(claims, 5, DAY_GATE) == Admit(1)


async def test_what_one_user_used_may_have_been_any_users(claims: ClaimStore, case: ClaimCase) -> None:
    since = await emptied(claims, case)
    of_ann, of_bob = (Gate(DAY, 1, "requests", "", user) for user in ("ann", "bob"))
    assert unknown(await ask(claims, 0, of_ann))

    await told(case, since, known({DAY.bucket(since): 18}, each_user=True))

    verdicts = [await ask(claims, number, of_ann) for number in (1, 2, 3)]
    assert verdicts[:2] == [Admit(1)] * 2
    assert isinstance(verdicts[2], Refuse)
    assert await ask(claims, 4, of_bob) == Admit(1)


async def test_each_agents_window_is_told_apart(claims: ClaimStore, case: ClaimCase) -> None:
    since = await emptied(claims, case)

    await told(case, since, known({DAY.bucket(since): 20}, agent="support"))

    assert isinstance(await ask(claims, 1, Gate(DAY, 1, "requests", "support")), Refuse)
    assert await ask(claims, 2, Gate(DAY, 1, "requests", "research")) == Admit(1)
    assert await ask(claims, 3, DAY_GATE) == Admit(1)


async def test_in_the_midst_of_a_run_it_counts_as_full_as_well(claims: ClaimStore, case: ClaimCase) -> None:
    since = await emptied(claims, case)
    run = await admitted(claims)
    gate = Gate(Window(100, "day"), 10, "tokens")

    refused = await case.reservations().reserve(run, [gate], NOTHING_SPENT)
    await told(case, since)
    passed = await case.reservations().reserve(run, [gate], NOTHING_SPENT)

    assert refused is not None
    assert UNKNOWN_IS_FULL in refused.problem.message
    assert passed is None
