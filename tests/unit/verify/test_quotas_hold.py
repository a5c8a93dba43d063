"""Quotas of a month: how many ran in it, where the tenant is, and how sure one can be of that."""

import json
from datetime import UTC, datetime
from typing import Any

from app.verify.findings import Promise, Tally
from app.verify.inspection import Inspection
from app.verify.judges.quotas_hold import AT_MIDNIGHT, NOT_COUNTED_HERE
from app.verify.records import Kind
from tests.unit.verify.world import BEGIN, World, ms


async def judge(world: World) -> Tally:
    return (await Inspection(world).run())[Promise.LIMITS_HOLD]


def busy(count: int, begin: datetime = BEGIN, every_s: float = 1.0) -> World:
    """So many runs of one tenant."""
    world = World(at=begin)
    for number in range(count):
        world.answer(world.ask("acme", f"r{number}"), run_s=every_s)
    return world


def quota(world: World, since: datetime | None = None, **figures: Any) -> None:
    """In force since long ago, if not said otherwise."""
    value = json.dumps({"tenant_id": "acme", "limits": [], "quota": figures}).encode()
    record = world.write(Kind.TENANTS, 0, b"acme", value)
    world.records[Kind.TENANTS][-1] = record._replace(timestamp_ms=1 if since is None else ms(since))


async def test_a_full_quota_is_kept() -> None:
    world = busy(5)
    quota(world, runs=5)

    tally = await judge(world)

    assert (tally.checked, tally.breached) == (5, 0)


async def test_each_run_beyond_the_quota_is_a_breach() -> None:
    world = busy(6)
    quota(world, runs=4)

    tally = await judge(world)

    assert [breach.request_id for breach in tally.examples] == ["r4", "r5"]
    assert tally.examples[0].what == "is run number 5 of 2026-11; the quota allows 4"


async def test_an_overdraft_may_be_used() -> None:
    world = busy(6)
    quota(world, runs=4, overdraft=0.25)

    tally = await judge(world)

    assert [breach.request_id for breach in tally.examples] == ["r5"]


async def test_each_month_has_its_own_and_begins_where_the_tenant_is() -> None:
    world = busy(20, datetime(2026, 11, 30, 14, 55, tzinfo=UTC), every_s=30)  # midnight in Tokyo: 15:00
    quota(world, runs=10, time_zone="Asia/Tokyo")

    tally = await judge(world)

    assert (tally.breached, tally.not_checkable) == (0, {AT_MIDNIGHT: 4})


async def test_what_ran_before_the_plan_was_hot_is_not_held_against_it() -> None:
    world = busy(5)
    quota(world, since=world.at, runs=1)

    tally = await judge(world)

    assert (tally.checked, tally.breached) == (0, 0)


async def test_tokens_and_cost_are_told_to_be_unjudged() -> None:
    world = busy(1)
    quota(world, tokens=1, cost_usd="1")

    tally = await judge(world)

    assert tally.not_checkable == {NOT_COUNTED_HERE: 2}
