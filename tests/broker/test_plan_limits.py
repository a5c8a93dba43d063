"""What a plan limits, on real workers: tokens and cost over crashes, and how many runs are under way."""

from typing import Any

from app.simulator.server import RunningSimulator
from tests.broker.crew import Crew, request, until
from tests.broker.test_plans import plan, write

SLOW = "[[sim: latency_ms=300]]"
TOKENS = 12_000


async def planned(crew: Crew, tenant_id: str, **fields: Any) -> None:
    await write(crew.kafka, (tenant_id, plan(tenant_id, **fields)))


async def test_tokens_are_held_and_settled_whoever_crashes(crew: Crew, models: RunningSimulator) -> None:
    limits = [{"what": "tokens", "per": "day", "limit": TOKENS}]
    await planned(crew, "acme", limits=limits, max_output_tokens=200)
    first = crew.start()
    await crew.send(*(request(f"a-{number}", text=SLOW) for number in range(20)))
    await until(lambda: models.in_flight > 0)
    first.kill()

    crew.start()
    answered = await crew.answered(20)
    assert {one["status"] for one in answered.values()} == {"completed"}
    await crew.send(*(request(f"b-{number}", text=SLOW) for number in range(100)))
    answered = await crew.answered(120)
    await crew.caught_up()

    completed = [one for one in answered.values() if one["status"] == "completed"]
    refused = [one for one in answered.values() if one["status"] == "refused"]
    assert len(completed) + len(refused) == 120
    assert {one["error"]["code"] for one in refused} == {"limit_tokens"}
    assert all(0 < one["error"]["retry_after_ms"] <= 88_000_000 for one in refused)
    assert len(completed) > 22
    used = [one["usage"]["input_tokens"] + one["usage"]["output_tokens"] for one in answered.values()]
    assert sum(used) <= TOKENS - 500, "what this test says next would say nothing"

    # What the dead and the finished had reserved and not used can be had.
    await crew.send(request("last", text="?"))
    assert (await crew.answered(121))["last"]["status"] == "completed"


async def test_no_more_runs_are_under_way_than_the_plan_says_and_all_are_done(
    crew: Crew, models: RunningSimulator
) -> None:
    await planned(crew, "acme", concurrency={"runs": 3})
    first = crew.start()
    await crew.send(*(request(f"a-{number}", text=SLOW) for number in range(20)))
    most = 0

    def under_way(enough: int) -> bool:
        nonlocal most
        most = max(most, models.in_flight)
        return models.calls >= enough

    await until(lambda: under_way(5))
    first.kill()
    crew.start()
    await until(lambda: under_way(20), 60)

    answered = await crew.answered(20)
    assert {one["status"] for one in answered.values()} == {"completed"}
    assert most == 3
    await crew.caught_up()
