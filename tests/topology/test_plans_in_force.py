"""A tenant's plan decides what it may run, how much and how fast; what is refused says why and until when."""

from typing import Any

import pytest

from streams.options import LimitOptions
from tests.doubles.flume import Flume, World
from tests.doubles.held_runs import HeldRuns
from tests.doubles.requests import body

LONG = "x" * 400  # a hundred tokens


def limit(what: str, most: Any, per: str = "minute", **more: Any) -> dict[str, Any]:
    return {"what": what, "per": per, "limit": most, **more}


def planned(world: World | None = None, *, options: LimitOptions | None = None, **fields: Any) -> Flume:
    world = world or World()
    world.plans.put(**fields)
    return Flume(world, HeldRuns(instant=True), limits=options)


async def refusal(flume: Flume, *requests: dict[str, Any]) -> dict[str, Any]:
    """The error of the last of these."""
    flume.write(*requests)
    await flume.settle()
    last = flume.world.responses()[-1]
    assert last["status"] == "refused", last
    assert flume.world.dead_letters() == []
    error: dict[str, Any] = last["error"]
    return error


@pytest.mark.parametrize(
    ("fields", "asked", "code"),
    [
        ({"agents": ["research"]}, {}, "agent_not_allowed"),
        ({"models": ["small"]}, {"model": "large"}, "model_not_allowed"),
        ({"max_input_bytes": 5}, {"input": "123456"}, "invalid_field"),
        ({"limits": [limit("requests", 0)]}, {}, "limit_requests"),
        ({"limits": [limit("tokens", 1099)]}, {"input": LONG}, "limit_tokens"),
        ({"limits": [limit("cost_usd", "0.01099")]}, {"input": LONG}, "limit_cost"),
    ],
)
async def test_what_the_plan_never_allows_is_refused_for_good(
    fields: dict[str, Any], asked: dict[str, Any], code: str
) -> None:
    async with planned(**fields) as flume:
        error = await refusal(flume, body("r-1", **asked))

        assert error["code"] == code
        assert error["retriable"] is False
        assert error.get("retry_after_ms") is None
        assert flume.runs.started == []


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ([limit("requests", 1, "day")], "limit_requests"),
        ([limit("tokens", 1100, "day")], "limit_tokens"),
        ([limit("cost_usd", "0.011", "day")], "limit_cost"),
        ([limit("requests", 9, "second"), limit("requests", 1, "day", agent="support")], "limit_requests"),
    ],
)
async def test_a_full_window_refuses_with_its_code_and_says_until_when(
    limits: list[dict[str, Any]], code: str
) -> None:
    world = World()
    world.plans.put(limits=limits)
    async with Flume(world) as flume:
        flume.write(body("r-1", input=LONG))
        await flume.running("r-1")

        flume.write(body("r-2", input=LONG))
        await flume.until(lambda: world.responses("r-2"))

        error = world.responses("r-2")[0]["error"]
        assert error["code"] == code
        assert error["retriable"] is True
        assert 86_000_000 < error["retry_after_ms"] <= 88_000_000
        assert "is reached" in error["message"]


async def test_another_agent_s_limit_and_another_user_s_window_hold_nobody_up() -> None:
    limits = [limit("requests", 1, "day", each_user=True), limit("requests", 0, "day", agent="research")]
    async with planned(limits=limits) as flume:
        flume.write(body("r-1", user_id="ann"), body("r-2", user_id="bob"), body("r-3"))
        flume.write(body("r-4", user_id="ann"), body("r-5"))
        await flume.settle()

        statuses = flume.world.statuses()
        assert [statuses[f"r-{number}"] for number in range(1, 6)] == [*["completed"] * 3, *["refused"] * 2]


async def test_the_plan_says_whether_requests_wait_where_they_say_nothing() -> None:
    async with planned(over_limit="wait", limits=[limit("requests", 1)]) as flume:
        flume.write(body("r-1"), body("r-2"), body("r-3", over_limit="refuse"))
        await flume.settle()
        assert flume.world.statuses() == {"r-1": "completed", "r-3": "refused"}

        flume.clock.advance(61)
        await flume.until(lambda: "r-2" in flume.world.statuses())

        assert flume.world.statuses()["r-2"] == "completed"


async def test_a_plan_that_changes_is_in_force_for_the_next_request() -> None:
    async with planned(agents=[]) as flume:
        flume.write(body("r-1"))
        await flume.settle()

        flume.world.plans.put(agents=["support"])
        flume.write(body("r-2"))
        await flume.settle()

        assert flume.world.statuses() == {"r-1": "refused", "r-2": "completed"}


async def test_tenants_without_a_plan_are_refused_where_the_deployment_says_so() -> None:
    async with planned(options=LimitOptions(unknown_tenants="refuse")) as flume:
        flume.write(body("r-1"), body("r-2", "stranger"))
        await flume.settle()

        assert flume.world.statuses() == {"r-1": "completed", "r-2": "refused"}
        assert flume.world.responses("r-2")[0]["error"]["code"] == "agent_not_allowed"


async def test_what_was_admitted_goes_on_after_a_crash_and_reserves_nothing_more() -> None:
    world = World()
    world.plans.put(limits=[limit("tokens", 2300, "day")])
    async with Flume(world) as crashing:
        crashing.write(body("r-1", input=LONG))
        await crashing.running("r-1")

    async with Flume(world, HeldRuns()) as flume:
        flume.pump()
        await flume.running("r-1")
        flume.write(body("r-2", input=LONG), body("r-3", input=LONG))
        await flume.until(lambda: world.responses("r-3"))
        await flume.finish("r-1", "r-2")
        await flume.settle()

        assert world.statuses() == {"r-1": "completed", "r-2": "completed", "r-3": "refused"}


async def test_a_request_that_ends_before_its_run_gives_back_what_it_reserved() -> None:
    world = World()
    world.plans.put(limits=[limit("tokens", 2200, "day")])
    async with Flume(world) as flume:
        flume.write(body("r-1", input=LONG, session_id="s"))
        await flume.running("r-1")
        flume.write(body("r-2", input=LONG, session_id="s"))
        await flume.rest()
        flume.command(command="cancel", request_id="r-2")
        await flume.until(lambda: world.responses("r-2"))

        flume.write(body("r-3", input=LONG))
        await flume.running("r-1", "r-3")
        await flume.finish("r-1", "r-3")
        await flume.settle()

        assert world.statuses() == {"r-1": "completed", "r-2": "cancelled", "r-3": "completed"}


async def test_what_a_run_has_paid_stays_in_the_books_when_its_plan_forbids_it_after_a_crash() -> None:
    world = World()
    world.plans.put()
    async with Flume(world) as crashing:
        crashing.write(body("r-1"))
        await crashing.running("r-1")
    world.plans.put(agents=["research"])

    async with Flume(world) as flume:
        flume.pump()
        await flume.settle()

    (refused,) = world.responses("r-1")
    assert (refused["status"], refused["error"]["code"]) == ("refused", "agent_not_allowed")
    assert refused["usage"]["model_calls"] == 1


async def test_who_is_parked_while_its_tenant_is_resumed_and_paused_again_goes_on_later() -> None:
    async with Flume() as flume:
        plans = flume.world.plans
        await plans.pause("acme", True)
        flume.outbox.hold()
        flume.write(body("r"))
        await flume.until(lambda: len(flume.parking.lot) == 1)
        await plans.pause("acme", False)
        await plans.pause("acme", True)
        flume.outbox.let_go()
        await flume.rest()

        await plans.pause("acme", False)

        await flume.running("r")
