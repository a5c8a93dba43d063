"""Ways around budgets that are known of other products: each stays closed here."""

from decimal import Decimal
from typing import Any, cast

from agents_defs.agent_spec import AgentSpec
from agents_defs.registry import Registry
from agents_defs.run_order import ALL_TOOLS, Foreseen, ToolLists
from app.adapters.redis_client import connect_redis
from app.wiring import wire
from streams.licence import Licensing
from streams.observations import Observers
from streams.options import StreamOptions
from tests.doubles.flume import Flume, World
from tests.doubles.held_runs import HeldRuns
from tests.doubles.requests import body

LONG = "x" * 400  # with an answer of at most a thousand that is 1100 tokens


def limit(what: str, most: Any, per: str = "day") -> dict[str, Any]:
    return {"what": what, "per": per, "limit": most}


class Unpriced(HeldRuns):
    """A model whose price nobody knows."""

    def foresee(
        self,
        spec: AgentSpec,
        model: str | None,
        characters: int,
        max_output_tokens: int | None,
        lists: ToolLists = ALL_TOOLS,
    ) -> Foreseen:
        """Tokens are known, the cost is not."""
        return Foreseen(1000, None)


def held(world: World) -> int:
    return sum(sum(one.buckets.values()) for one in world.memory.windows.values())


async def test_the_limiter_that_was_made_is_the_one_that_is_asked() -> None:
    """LiteLLM #27381: it was created and never registered."""
    client = connect_redis("redis://127.0.0.1:1/0")
    wired = wire(StreamOptions(), client, Registry(), cast(Any, HeldRuns()), Observers())
    stages = cast(Any, wired.pipeline)._stages

    licence = stages.execution.licence

    assert isinstance(licence, Licensing)
    assert licence.terms == stages.admission.tenants.terms
    wired.plans.plans.take(b"acme", b'{"tenant_id": "acme", "agents": []}')
    assert licence.terms("acme").plan.agents == ()
    await client.aclose()


async def test_a_model_without_a_price_is_not_blocked_by_a_limit_of_cost() -> None:
    """LiteLLM #29912."""
    world = World()
    world.plans.put(limits=[limit("cost_usd", "0.000001")])
    async with Flume(world, Unpriced(instant=True)) as flume:
        flume.write(body("r-1", input=LONG))
        await flume.settle()

        assert world.statuses() == {"r-1": "completed"}


async def test_a_burst_cannot_spend_what_is_not_counted_yet() -> None:
    """Envoy's gateway #2394: tokens were counted when the answers had come."""
    world = World()
    world.plans.put(limits=[limit("tokens", 5 * 1100)])
    async with Flume(world) as flume:
        flume.write(*(body(f"r-{number}", input=LONG) for number in range(40)))
        await flume.until(lambda: len(flume.runs.running) == 5 and len(world.responses()) == 35)

        assert held(world) == 5 * 1100


async def test_every_limit_is_one_again_when_its_window_has_passed() -> None:
    """LiteLLM #40020: a second cap never reset."""
    world = World()
    limits = [limit("requests", 1, "minute"), limit("tokens", 1100, "hour"), limit("cost_usd", "0.011")]
    world.plans.put(limits=limits)
    async with Flume(world) as flume:
        for day in range(3):
            flume.write(body(f"r-{day}", input=LONG), body(f"x-{day}", input=LONG))
            await flume.running(f"r-{day}")
            await flume.finish(f"r-{day}")
            await flume.settle()
            flume.clock.advance(86_400 * 61 / 60 + 1)

        assert [world.statuses()[f"{name}-{day}"] for name in "rx" for day in range(3)] == [
            *["completed"] * 3,
            *["refused"] * 3,
        ]


async def test_a_plan_with_a_wrong_price_is_mended_by_the_next_plan_alone() -> None:
    """LiteLLM #20615: rows had to be deleted by hand."""
    world = World()
    world.plans.put(limits=[limit("cost_usd", "0")])
    async with Flume(world, HeldRuns(instant=True)) as flume:
        flume.write(body("r-1", input=LONG))
        await flume.settle()
        world.plans.put(limits=[limit("cost_usd", Decimal(5))])
        flume.write(body("r-2", input=LONG))
        await flume.settle()

        assert world.statuses() == {"r-1": "refused", "r-2": "completed"}
