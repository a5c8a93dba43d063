"""Windows of requests: whose, how long, and how sure one can be of them."""

import json
from dataclasses import replace
from typing import Any

from app.verify.findings import Promise, Tally
from app.verify.inspection import Inspection
from app.verify.judges.limits_hold import AGAIN, BEFORE, CLOCKS, MAYBE_ROOM, NOT_COUNTED_HERE, OLD_PLAN
from app.verify.records import Extent, Kind
from schemas.failures import Code
from schemas.responses import Status
from tests.unit.verify.world import BEGIN, World, ms


async def judge(world: World) -> Tally:
    return (await Inspection(world).run())[Promise.LIMITS_HOLD]


def busy(count: int, every_s: float, **fields: Any) -> World:
    """So many admissions of one tenant; five a minute are allowed."""
    world = World()
    for number in range(count):
        world.answer(world.ask("acme", f"r{number}", **fields), run_s=every_s)
    return world


def plan(world: World, *limits: dict[str, Any]) -> None:
    """In force since long ago."""
    told(world, json.dumps({"tenant_id": "acme", "limits": limits}).encode())


def told(world: World, value: bytes | None) -> None:
    """A plan's record, or its end, of long ago."""
    record = world.write(Kind.TENANTS, 0, b"acme", value)
    world.records[Kind.TENANTS][-1] = record._replace(timestamp_ms=1)


async def test_a_full_window_is_kept() -> None:
    tally = await judge(busy(20, 12.2))

    assert (tally.checked, tally.breached) == (20, 0)


async def test_a_window_that_may_be_full_by_the_clocks_is_not_judged() -> None:
    tally = await judge(busy(6, 11.9))

    assert (tally.breached, tally.not_checkable) == (0, {CLOCKS: 1})


async def test_a_window_that_is_surely_too_full_is_a_breach() -> None:
    tally = await judge(busy(6, 11))

    assert [breach.request_id for breach in tally.examples] == ["r5"]


async def test_a_plan_of_its_own_holds_for_a_tenant() -> None:
    world = busy(3, 1)
    plan(world, {"what": "requests", "per": "hour", "limit": 2}, {"what": "tokens", "per": "day", "limit": 9})

    tally = await judge(world)

    assert [breach.request_id for breach in tally.examples] == ["r2"]
    assert tally.not_checkable == {NOT_COUNTED_HERE: 1}


async def test_a_plan_without_limits_leaves_the_default_in_force() -> None:
    world = busy(6, 1)
    told(world, b'{"tenant_id": "acme", "tier": "pro"}')

    tally = await judge(world)

    assert tally.breached == 1


async def test_a_limit_of_one_agent_counts_its_requests_only() -> None:
    world = busy(3, 1, agent="support")
    plan(world, {"what": "requests", "per": "minute", "limit": 1, "agent": "research"})

    tally = await judge(world)

    assert (tally.checked, tally.breached) == (0, 0)


async def test_a_limit_of_each_user_is_each_users_own() -> None:
    world = World()
    for number in range(4):
        world.answer(world.ask("acme", f"r{number}", user_id=f"u{number % 2}"), run_s=1)
    plan(world, {"what": "requests", "per": "minute", "limit": 2, "each_user": True})

    tally = await judge(world)

    assert (tally.checked, tally.breached) == (4, 0)


async def test_what_is_admitted_again_after_a_crash_is_not_counted_twice() -> None:
    world = busy(5, 1)
    world.answer(world.ask("acme", "again"), run_s=1, attempts=2)

    tally = await judge(world)

    assert (tally.breached, tally.not_checkable) == (0, {AGAIN: 1})


def refused(world: World) -> None:
    asked = world.ask("acme", "refused")
    world.answer(asked, Status.REFUSED, code=Code.LIMIT_REQUESTS, run_s=0)


async def test_a_refusal_by_a_full_window_is_right() -> None:
    world = busy(5, 1)
    refused(world)

    tally = await judge(world)

    assert (tally.checked, tally.breached) == (6, 0)


async def test_who_expired_before_its_start_had_counted() -> None:
    world = busy(4, 1)
    world.answer(world.ask("acme", "late"), Status.EXPIRED, code=Code.EXPIRED, run_s=0)
    refused(world)

    tally = await judge(world)

    assert (tally.breached, tally.not_checkable) == (0, {})


async def test_an_open_request_may_have_taken_the_room() -> None:
    world = busy(4, 1)
    open_request = world.ask("acme", "open")
    refused(world)
    world.committed[open_request.partition] = open_request.offset

    tally = await judge(world)

    assert (tally.breached, tally.not_checkable) == (0, {MAYBE_ROOM: 1})


async def test_a_refusal_soon_after_the_begin_of_what_was_read_is_not_judged() -> None:
    world = busy(4, 1)
    refused(world)
    world.since_ms = ms(BEGIN)
    world.extents[Kind.RESPONSES, 0] = Extent(0, 0, 10_000)

    tally = await judge(world)

    assert (tally.breached, tally.not_checkable) == (0, {BEFORE: 1})


async def test_before_a_plan_was_hot_nothing_is_judged_by_it() -> None:
    world = busy(3, 5)
    plan(world, {"what": "requests", "per": "hour", "limit": 1})
    since = world.records[Kind.TENANTS][-1]._replace(timestamp_ms=ms(BEGIN))
    world.records[Kind.TENANTS][-1] = since

    tally = await judge(world)

    assert (tally.checked, tally.breached, tally.not_checkable) == (1, 0, {OLD_PLAN: 2})


async def test_admissions_of_before_count_but_are_not_judged() -> None:
    world = busy(6, 5)
    world.since_ms = ms(BEGIN) + 20_000

    tally = await judge(world)

    assert tally.checked == 2
    assert [breach.request_id for breach in tally.examples] == ["r5"]


async def test_users_of_one_limit_share_it() -> None:
    world = World()
    for number in range(3):
        world.answer(world.ask("acme", f"r{number}", user_id=f"u{number}"), run_s=1)
    plan(world, {"what": "requests", "per": "minute", "limit": 2})

    tally = await judge(world)

    assert tally.breached == 1


async def test_refused_for_other_reasons_never_counted() -> None:
    world = busy(4, 1)
    for number in range(3):
        asked = world.ask("acme", f"nobody{number}", agent="nobody")
        world.answer(asked, Status.REFUSED, code=Code.UNKNOWN_AGENT, run_s=0)
    refused(world)

    tally = await judge(world)

    assert [breach.request_id for breach in tally.examples] == ["refused"]


async def test_a_removed_plan_leaves_the_default_in_force() -> None:
    world = busy(6, 1)
    plan(world, {"what": "requests", "per": "minute", "limit": 100})
    told(world, None)

    tally = await judge(world)

    assert tally.breached == 1


async def test_an_open_request_cannot_have_taken_all_the_room() -> None:
    world = busy(3, 1)
    open_request = world.ask("acme", "open")
    refused(world)
    world.committed[open_request.partition] = open_request.offset

    tally = await judge(world)

    assert [breach.request_id for breach in tally.examples] == ["refused"]


async def test_a_refusal_under_an_earlier_plan_is_not_judged() -> None:
    world = busy(3, 5)
    refused(world)
    plan(world, {"what": "requests", "per": "minute", "limit": 5})
    world.records[Kind.TENANTS][-1] = world.records[Kind.TENANTS][-1]._replace(timestamp_ms=ms(world.at))

    tally = await judge(world)

    assert (tally.checked, tally.breached, tally.not_checkable) == (0, 0, {OLD_PLAN: 4})


async def test_a_tiers_limits_hold_for_a_plan_that_has_none_of_its_own() -> None:
    tiers = {"pro": {"limits": [{"what": "requests", "per": "minute", "limit": 3}]}}
    world = busy(4, 1)
    world.terms = replace(world.terms, tiers=tiers)
    document = json.dumps({"tenant_id": "acme", "tier": "pro"}).encode()
    told(world, document)

    tally = await judge(world)

    assert [breach.request_id for breach in tally.examples] == ["r3"]


async def test_the_first_tiers_limits_hold_for_a_tenant_without_a_plan() -> None:
    world = busy(7, 1)
    world.terms = replace(
        world.terms, tiers={"free": {"limits": [{"what": "requests", "per": "minute", "limit": 7}]}}
    )

    tally = await judge(world)

    assert (tally.checked, tally.breached) == (7, 0)


async def test_what_a_tenant_was_given_today_is_not_held_against_what_it_did_before() -> None:
    tiers = {"pro": {"limits": [{"what": "requests", "per": "minute", "limit": 1}]}}
    world = busy(4, 1)
    world.terms = replace(world.terms, tiers=tiers)
    world.write(Kind.TENANTS, 0, b"acme", b'{"tenant_id": "acme", "tier": "pro"}')

    tally = await judge(world)

    assert (tally.breached, tally.not_checkable) == (0, {OLD_PLAN: 4})


async def test_who_is_refused_a_seat_may_have_taken_the_room_until_then_and_not_after() -> None:
    for answered_first, breached, unclear in ((False, 0, {MAYBE_ROOM: 1}), (True, 1, {})):
        world = busy(4, 1)
        seatless = world.ask("acme", "seatless")
        if not answered_first:
            refused(world)
        world.answer(seatless, Status.REFUSED, code=Code.LIMIT_CONCURRENCY, run_s=0)
        if answered_first:
            world.pass_time(5)
            refused(world)

        tally = await judge(world)

        assert (tally.breached, tally.not_checkable) == (breached, unclear)
