"""No tenant reaches another's: each call of each store; one that is added without a test of this fails here.

Ids are chosen so that those of two tenants read alike once they are written one behind the other.
"""

import inspect
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from agents_defs.memory import facts
from agents_defs.memory.facts import Fact, Owner
from agents_defs.run_journal import RunLost
from streams import drift_watch, ports, quota_keeper, window_keeper
from streams.drift_watch import Place
from streams.flow import Admit, Refuse
from streams.policy.caps import Bench, Cap
from streams.policy.gates import Gate, Spending
from streams.policy.months import Month
from streams.policy.windows import MonthWindow, Window
from streams.ports import ClaimStore, Reservations, RunKey, RunStore, SessionTurn, Told
from streams.quota_keeper import Known
from streams.window_keeper import KnownWindow
from tests.contract.claim_stores import ClaimCase, RedisCase
from tests.contract.run_steps import OTHER_SHA, OUTCOME, admitted, answered, begun, claimed, said

# Tenant and request of one, and those of another whose keys might be mistaken for them.
MINE: Final = ("acme", "x:r-1")
THEIRS: Final = (
    ("globex", "x:r-1"),
    ("acme:x", "r-1"),
    ("acme:x:r-1", ""),
    ("acm", "e:x:r-1"),
    ("4:acme", "x:r-1"),
)
MY: Final = {"tenant_id": MINE[0], "request_id": MINE[1]}

# Calls that have nothing of a tenant to reach, or whose tenant is the key of the record that they are about.
NOTHING_TO_REACH: Final = {
    "Clock.now": "time is everybody's",
    "Clock.at": "time is everybody's",
    "Verifier.signer": "tests/topology/test_signatures.py: another tenant's key",
    "ClaimStore.own": "partitions have owners, not tenants",
    "ClaimStore.rebuilt": "a partition's position",
    "ClaimStore.checkpoint": "a partition's position",
    "Outbox.publish": "writes under the key and partition of the request's own record",
    "ParkedBodies.fetch": "reads places; whose they are is in the record",
    "ParkedSink.begin": "a partition",
    "ParkedSink.take": "tests/topology/test_isolation.py: records are known by tenant and id",
    "ControlSink.take": "tests/topology/test_isolation.py: each command",
    "ControlSink.caught_up": "a partition",
    "DeltaSink.touch": "writes under the key and partition of the request's own record",
    "DeltaSink.settle": "writes under the key and partition of the request's own record",
    "Foresees.foresee": "prices are everybody's",
    "SessionStore.read": "tests/contract/test_session_store.py: sessions do not mix",
    "SessionStore.add": "tests/contract/test_session_store.py: sessions do not mix",
    "Foresees.meant": "models are everybody's",
    "Runs.run": "tests/topology/test_isolation.py: a run knows its own tenant",
    "MonthStore.forgotten": "a partition",
    "MonthStore.told": "a partition",
    "WindowStore.gaps": "partitions",
    "WindowStore.told": "a partition",
}

SEATS: Final = (Cap(Bench("acme"), 1),)
CROSSED: Final[set[str]] = set()
Test = Callable[..., Any]


def crosses(*calls: str) -> Callable[[Test], Test]:
    """This test tries to reach another tenant's by these calls."""

    def noted(test: Test) -> Test:
        CROSSED.update(calls)
        return test

    return noted


theirs = pytest.mark.parametrize("other", THEIRS, ids=lambda one: "/".join(one))


def _calls() -> set[str]:
    found = set()
    for module in (ports, quota_keeper, window_keeper, drift_watch, facts):
        for name, kind in inspect.getmembers(module, inspect.isclass):
            if getattr(kind, "_is_protocol", False) and kind.__module__ == module.__name__:
                found |= {f"{name}.{call}" for call in vars(kind) if not call.startswith("_")}
    return found


def test_every_call_is_tried_or_has_nothing_to_reach() -> None:
    assert _calls() - CROSSED - NOTHING_TO_REACH.keys() == set(), "try to cross tenants by these, too"
    assert (CROSSED | NOTHING_TO_REACH.keys()) - _calls() == set(), "these are no more"


@crosses("ClaimStore.claim", "ClaimStore.answer")
@theirs
async def test_an_id_that_another_used_is_new(claims: ClaimStore, other: tuple[str, str]) -> None:
    await admitted(claims, **MY)
    await answered(claims, MINE[1])

    verdict = await claimed(claims, "t-2", tenant_id=other[0], request_id=other[1], sha256=OTHER_SHA)

    assert verdict == Admit(1)


@crosses("ClaimStore.claim")
@theirs
async def test_anothers_window_is_not_mine(claims: ClaimStore, other: tuple[str, str]) -> None:
    gates = (Gate(Window(1)), Gate(Window(10, "day"), 10, "tokens", "", other[0]), month(1))
    assert await claimed(claims, tenant_id=other[0], request_id=other[1], gates=gates) == Admit(1)

    verdict = await claimed(claims, "t-2", gates=gates, **MY)

    assert verdict == Admit(1)


def month(limit: int) -> Gate:
    return Gate(MonthWindow(limit, 24_000, 4_000_000_000_000), 1, "runs")


@crosses("RunStore.begin", "RunStore.record")
@theirs
async def test_anothers_journal_is_not_mine(
    claims: ClaimStore, runs: RunStore, other: tuple[str, str]
) -> None:
    run = await admitted(claims, **MY)
    await begun(runs, run)
    await runs.record(run, Told({"m0": b"the answer"}), 3)

    theirs = await admitted(claims, "t-2", tenant_id=other[0], request_id=other[1])
    found = await begun(runs, theirs)

    assert (dict(found.entries), found.turns_out, found.crashes) == ({}, 0, 0)


@crosses("RunStore.begin", "RunStore.decide")
@pytest.mark.parametrize("other", [("globex", "t:s"), ("acme:t", "s"), ("acm", "e:t:s"), ("4:acme", "t:s")])
async def test_anothers_session_is_not_mine(
    claims: ClaimStore, runs: RunStore, other: tuple[str, str]
) -> None:
    run = await admitted(claims, **MY)
    await begun(runs, run, "t:s")
    await runs.decide(run, OUTCOME, SessionTurn("t:s", said("my secret")))

    theirs = await admitted(claims, "t-2", tenant_id=other[0], request_id="r-9")
    found = await begun(runs, theirs, other[1])

    assert list(found.session_items) == []


@crosses("RunStore.record", "RunStore.decide", "RunStore.leave", "Reservations.reserve", "Reservations.sit")
@theirs
async def test_who_was_admitted_to_its_own_may_not_write_anothers(
    claims: ClaimStore, runs: RunStore, case: ClaimCase, other: tuple[str, str]
) -> None:
    run = await admitted(claims, **MY)
    await begun(runs, run)
    stolen = RunKey(*other, run.attempt, run.token)

    for call in (
        runs.record(stolen, Told({"m0": b"x"}), 0),
        runs.decide(stolen, OUTCOME, None),
        runs.leave(stolen, 1.0),
        case.reservations().reserve(stolen, [Gate(Window(9, "day"), 1, "tokens")]),
        case.reservations().sit(stolen, SEATS),
    ):
        with pytest.raises(RunLost):
            await call


@crosses("Reservations.reserve", "RunStore.decide", "RunStore.leave")
@theirs
async def test_what_another_holds_and_used_is_not_mine(
    claims: ClaimStore, runs: RunStore, case: ClaimCase, other: tuple[str, str]
) -> None:
    reservations: Reservations = case.reservations()
    gate = Gate(Window(100, "day"), 100, "tokens")
    run = await admitted(claims, tenant_id=other[0], request_id=other[1])
    await begun(runs, run)
    assert await reservations.reserve(run, [gate]) is None
    await runs.decide(run, OUTCOME, None, Spending(100))

    mine = await admitted(claims, "t-2", **MY)

    assert await reservations.reserve(mine, [gate]) is None
    assert isinstance(await reservations.reserve(mine, [Gate(Window(100, "day"), 101, "tokens")]), Refuse)


@crosses("Reservations.sit")
@theirs
async def test_anothers_seat_is_not_mine(
    claims: ClaimStore, runs: RunStore, case: ClaimCase, other: tuple[str, str]
) -> None:
    run = await admitted(claims, tenant_id=other[0], request_id=other[1])
    await begun(runs, run)
    theirs = (Bench(other[0]), Bench(other[0], other[1]), Bench(other[0], model=other[1]))
    assert await case.reservations().sit(run, tuple(Cap(bench, 1) for bench in theirs)) is None

    mine = await admitted(claims, "t-2", **MY)
    for bench in (Bench(MINE[0]), Bench(*MINE), Bench(MINE[0], model=MINE[1])):
        assert await case.reservations().sit(mine, (Cap(bench, 1),)) is None


@crosses("Reservations.sit")
@theirs
async def test_a_seat_that_all_share_is_left_by_whoever_took_it_alone(
    claims: ClaimStore, runs: RunStore, case: ClaimCase, other: tuple[str, str]
) -> None:
    shared = (Cap(Bench(agent="support"), 1),)
    theirs = await admitted(claims, tenant_id=other[0], request_id=other[1])
    mine = await admitted(claims, "t-2", **MY)
    assert await case.reservations().sit(theirs, shared) is None

    await runs.leave(mine, 1.0)

    assert await case.reservations().sit(mine, shared) is not None


@crosses("FactStore.keep", "FactStore.facts", "FactStore.drop")
@pytest.mark.parametrize("other", [*THEIRS, ("acme", "x:r-2")], ids=lambda one: "/".join(one))
async def test_what_is_remembered_of_anothers_user_is_not_mine(
    case: ClaimCase, other: tuple[str, str]
) -> None:
    store, theirs = case.facts(), Owner(*other)
    fact = Fact("f1", "their secret", "general", (), datetime(2026, 11, 21, tzinfo=UTC))
    await store.keep(theirs, fact, 1)

    assert await store.keep(Owner(*MINE), replace(fact, text="mine"), 1)
    assert await store.drop(Owner(*MINE), ["f1"]) == 1

    assert list(await store.facts(theirs)) == [fact]
    assert list(await store.facts(Owner(*MINE))) == []


@pytest.mark.broker
@pytest.mark.parametrize("other", [("globex", "t:s"), ("acme:t", "s"), ("acm", "e:t:s"), ("4:acme", "t:s")])
async def test_operators_see_and_delete_the_session_of_one_tenant(
    redis_url: str, other: tuple[str, str]
) -> None:
    real = RedisCase(redis_url)
    claims, runs = real.worker(), real.runs()
    await claims.rebuilt(ports.Shelf("responses", 0), 0)
    theirs = await admitted(claims, tenant_id=other[0], request_id=MINE[1])
    await begun(runs, theirs, other[1])
    await runs.record(theirs, Told({"m0": b"the answer"}), 0)
    await runs.decide(theirs, OUTCOME, SessionTurn(other[1], said("their secret")))

    sessions = real.sessions()
    assert await sessions.sessions("acme") == []
    assert await sessions.turns("acme", "t:s") == []
    assert await sessions.under_way("acme", "t:s") == []
    assert await sessions.delete("acme", "t:s") == (0, 0)

    (row,) = await sessions.sessions(other[0])
    assert (row.tenant_id, row.session_id, row.turns) == (*other, 1)
    await real.close()


@pytest.mark.broker
@theirs
async def test_forgetting_a_user_leaves_anothers_facts_alone(redis_url: str, other: tuple[str, str]) -> None:
    real = RedisCase(redis_url)
    fact = Fact("f1", "their secret", "general", (), datetime(2026, 11, 21, tzinfo=UTC))
    await real.facts().keep(Owner(*other), fact, 9)

    assert await real.sessions().forget_user(Owner(*MINE)) == 0
    assert list(await real.facts().facts(Owner(*other))) == [fact]
    await real.close()


@crosses("MonthStore.raise_all")
@pytest.mark.broker
@theirs
async def test_what_is_known_of_anothers_month_is_not_counted_in_mine(
    redis_url: str, other: tuple[str, str]
) -> None:
    real = RedisCase(redis_url)
    claims = real.worker()
    await claims.rebuilt(ports.Shelf("responses", 0), 0)
    await real.months().raise_all([Known(other[0], Month(2000, 1), "runs", 5)])

    verdict = await claimed(claims, gates=(month(1),), **MY)
    their_verdict = await claimed(claims, tenant_id=other[0], request_id="r", gates=(month(1),))

    assert verdict == Admit(1)
    assert isinstance(their_verdict, Refuse)
    await real.close()


@crosses("WindowStore.refill")
@theirs
async def test_what_is_known_of_anothers_windows_is_not_counted_in_mine(
    claims: ClaimStore, case: ClaimCase, other: tuple[str, str]
) -> None:
    await case.empty()
    await claims.rebuilt(ports.Shelf("responses", 0), 7)
    since_ms = (await case.windows().gaps([0]))[0]
    window, bucket = Window(5, "day"), Window(5, "day").bucket(since_ms)
    known = [
        KnownWindow(other[0], "requests", window, "", each_user, {bucket: 5}) for each_user in (True, False)
    ]
    await case.windows().refill(0, since_ms, known)
    await case.windows().told(0, since_ms)

    gates = (Gate(window), Gate(window, 1, "requests", "", other[0]), Gate(window, 1, "requests", "", "x"))
    verdict = await claimed(claims, gates=gates, **MY)
    their_verdict = await claimed(claims, tenant_id=other[0], request_id="r", gates=gates[:1])

    assert verdict == Admit(1)
    assert isinstance(their_verdict, Refuse)


@crosses("Counts.counted")
@theirs
async def test_what_is_compared_of_mine_is_not_anothers(
    claims: ClaimStore, case: ClaimCase, other: tuple[str, str]
) -> None:
    gates = (Gate(Window(9, "day")), Gate(Window(9, "day"), 5, "tokens", other[0]), month(3))
    assert await claimed(claims, tenant_id=other[0], request_id=other[1], gates=gates) == Admit(1)

    places = [Place(tenant, gate) for tenant in (MINE[0], other[0]) for gate in gates]
    found = [sum(buckets.values()) for buckets in await case.windows().counted(places)]

    assert found == [0, 0, 0, 1, 5, 1]
