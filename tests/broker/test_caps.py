"""Caps over real workers: never more at once, all are answered, and a worker that dies keeps no seat."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pytest

from app.simulator.server import RunningSimulator
from schemas.times import parse_at
from tests.broker.crew import Crew, request, tenants_of, until
from tests.broker.test_plan_limits import planned

pytestmark = pytest.mark.timeout(240)

SLOW = "[[sim: latency_ms=400]]"
REQUESTS = 40
MOST = 3


def most_at_once(answers: Iterable[dict[str, Any]]) -> int:
    """By the intervals of all their runs."""
    edges: list[tuple[datetime, int]] = []
    for answer in answers:
        for run in answer["runs"]:
            edges += ((parse_at(run["start"]), 1), (parse_at(run["end"]), -1))
    present = most = 0
    for _, step in sorted(edges):  # of one moment the ends come first
        present += step
        most = max(most, present)
    return most


def several_tenants() -> list[str]:
    """On all partitions, so that each of two workers has some of them."""
    return [tenant for partition in range(4) for tenant in tenants_of(partition, 2)]


async def test_an_agent_s_cap_holds_over_workers_and_tenants_also_when_one_dies(
    crew: Crew, models: RunningSimulator
) -> None:
    first, second = crew.start(), crew.start()
    await crew.ready(first, second)
    tenants = several_tenants()
    sent = [
        request(f"r-{number}", tenants[number % len(tenants)], text=SLOW, agent="rare")
        for number in range(REQUESTS)
    ]
    await crew.send(*sent)
    most = 0

    def under_way(enough: int) -> bool:
        nonlocal most
        most = max(most, models.in_flight)
        return models.calls >= enough

    await until(lambda: under_way(12), 60)
    second.kill()

    await until(lambda: under_way(REQUESTS), 120)
    answered = await crew.answered(REQUESTS, 60)

    assert {one["status"] for one in answered.values()} == {"completed"}
    assert most_at_once(answered.values()) == MOST
    assert most <= MOST + MOST  # calls of the dead are heard to the end by the provider
    await crew.caught_up()


async def test_caps_of_a_tenant_s_agents_and_models_hold_and_keep_nobody_else_waiting(
    crew: Crew, models: RunningSimulator
) -> None:
    await planned(crew, "acme", concurrency={"agents": {"clerk": 2}, "models": {"gpt-5.4": 1}})
    crew.start()
    await crew.send(
        *(request(f"a-{number}", text=SLOW) for number in range(12)),
        *(request(f"m-{number}", text=SLOW, agent="hasty", model="gpt-5.4") for number in range(6)),
        *(request(f"o-{number}", "globex", text=SLOW) for number in range(12)),
    )

    answered = await crew.answered(30)

    assert {one["status"] for one in answered.values()} == {"completed"}
    by_kind = {kind: [one for name, one in answered.items() if name[0] == kind] for kind in "amo"}
    assert most_at_once(by_kind["a"]) == 2
    assert most_at_once(by_kind["m"]) == 1
    ends = {kind: max(parse_at(one["finished_at"]) for one in found) for kind, found in by_kind.items()}
    assert ends["o"] < ends["a"]
    await crew.caught_up()


async def test_a_worker_makes_no_more_calls_to_a_model_at_a_time_than_it_may(
    crew: Crew, models: RunningSimulator
) -> None:
    crew.start(model_concurrency="gpt-5.4-mini=2")
    tenants = several_tenants()
    await crew.send(*(request(f"r-{n}", tenants[n % 3], text=SLOW) for n in range(12)))
    most = 0

    def under_way() -> bool:
        nonlocal most
        most = max(most, models.in_flight)
        return models.calls >= 12

    await until(under_way, 60)
    answered = await crew.answered(12)

    assert {one["status"] for one in answered.values()} == {"completed"}
    assert most == 2
    assert most_at_once(answered.values()) > 2  # the runs are not capped, only their calls
    await crew.caught_up()
