"""The order of sessions: what is judged, and with which clocks."""

import json

from app.verify.findings import Promise, Tally
from app.verify.inspection import Inspection, Options
from app.verify.judges.session_order import DEFERRED, SKEW
from app.verify.records import Kind
from schemas.failures import Code
from schemas.responses import Status
from tests.unit.verify.world import World


async def judge(world: World, skew_ms: int = 0) -> Tally:
    findings = await Inspection(world, None, Options(skew_ms=skew_ms)).run()
    return findings[Promise.SESSION_ORDER]


def two_overlapping(milliseconds: int) -> World:
    world = World()
    first, second = (world.ask("acme", name, session_id="s") for name in ("a", "b"))
    world.answer(first, run_s=1)
    world.pass_time(-milliseconds / 1000)
    world.answer(second, run_s=1)
    return world


async def test_an_overlap_within_the_skew_of_the_clocks_is_not_judged() -> None:
    tally = await judge(two_overlapping(40), skew_ms=50)

    assert (tally.breached, tally.not_checkable[SKEW]) == (0, 1)


async def test_an_overlap_beyond_the_skew_is_a_breach() -> None:
    tally = await judge(two_overlapping(60), skew_ms=50)

    assert [(breach.request_id, breach.where) for breach in tally.examples] == [("b", "agent.responses[0]@1")]
    assert "60 ms" in tally.examples[0].what


async def test_sessions_of_the_same_name_belong_to_their_tenants() -> None:
    world = World()
    first, second = world.ask("acme", "a", session_id="s"), world.ask("globex", "a", session_id="s")
    world.answer(second, run_s=1)
    world.pass_time(-1)
    world.answer(first, run_s=1)

    tally = await judge(world)

    assert (tally.checked, tally.breached) == (2, 0)


async def test_who_waits_for_its_time_takes_its_place_then() -> None:
    world = World()
    first = world.ask("acme", "a", session_id="s", not_before="2026-11-21T09:00:00Z")
    second = world.ask("acme", "b", session_id="s")
    world.answer(second)
    world.answer(first)

    tally = await judge(world)

    assert (tally.breached, tally.not_checkable) == (0, {DEFERRED: 1})


async def test_who_never_started_is_answered_at_once() -> None:
    world = World()
    first, second, third = (world.ask("acme", name, session_id="s") for name in "abc")
    world.answer(third, Status.EXPIRED, code=Code.EXPIRED, run_s=0)
    world.answer(first)
    world.answer(second)

    tally = await judge(world)

    assert (tally.checked, tally.breached) == (2, 0)


async def test_a_later_request_that_started_first_is_named_though_it_did_not_overlap() -> None:
    world = World()
    first, second = world.ask("acme", "a", session_id="s"), world.ask("acme", "b", session_id="s")
    world.answer(second)
    world.answer(first)

    tally = await judge(world)

    assert {breach.request_id for breach in tally.examples} == {"a", "b"}
    assert json.loads(world.find(Kind.RESPONSES, request_id="a").value or b"")["status"] == "completed"


async def test_who_started_and_expired_need_not_answer_in_order() -> None:
    world = World()
    first, second = world.ask("acme", "a", session_id="s"), world.ask("acme", "b", session_id="s")
    world.answer(first, Status.EXPIRED, code=Code.EXPIRED)
    world.answer(second)
    world.swap(Kind.RESPONSES, *world.records[Kind.RESPONSES])

    tally = await judge(world)

    assert (tally.checked, tally.breached) == (2, 0)


async def test_a_long_run_overlaps_all_that_ran_meanwhile() -> None:
    world = World()
    first, second, third = (world.ask("acme", name, session_id="s") for name in "abc")
    world.answer(first, run_s=10)
    world.pass_time(-9)
    world.answer(second, run_s=1)
    world.pass_time(1)
    world.answer(third, run_s=1)

    tally = await judge(world)

    assert [(one.request_id, one.what.split()[1]) for one in tally.examples] == [("b", "9000"), ("c", "7000")]
