"""Redis is emptied while real workers run: nobody has its day's limit twice, and who has none goes on."""

import asyncio
from collections import Counter
from typing import Any

import redis.asyncio as redis

from app.adapters.redis_client import connect_redis
from app.simulator.server import RunningSimulator
from tests.broker.crew import Crew, request, until
from tests.broker.test_plan_limits import planned

LIMITS = [{"what": "requests", "per": "day", "limit": 20}]
TOLD_S = 60.0
SLOW = "[[sim: latency_ms=35000]]"  # longer than it takes the books to tell


async def emptied(crew: Crew) -> None:
    client: redis.Redis = connect_redis(crew.redis_url)
    await client.flushdb()  # this test's own database: other tests share the server
    await client.aclose()


def statuses(answered: dict[str, dict[str, Any]], prefix: str) -> Counter[str]:
    return Counter(one["status"] for name, one in answered.items() if name.startswith(prefix))


async def test_of_a_days_limit_exactly_what_was_left_is_admitted_after_redis_was_emptied(crew: Crew) -> None:
    await planned(crew, "acme", limits=LIMITS)
    await planned(crew, "globex", limits=[])
    await crew.ready(crew.start())
    crew.start(command=("-m", "app", "books"))
    await crew.send(*(request(f"a-{number}") for number in range(15)))
    await crew.answered(15)
    await crew.caught_up()

    await emptied(crew)
    await crew.send(request("early"), request("free", "globex"))
    answered = await crew.answered(17)
    assert answered["free"]["status"] == "completed"
    assert answered["early"]["error"]["code"] == "limit_requests"
    assert 0 < answered["early"]["error"]["retry_after_ms"] <= 5000

    await crew.send(*(request(f"b-{number}", over_limit="wait") for number in range(20)))
    await crew.answered(22, TOLD_S)
    await asyncio.sleep(2)  # for a sixth
    await crew.send(request("late"))
    answered = await crew.answered(23)

    assert statuses(answered, "b-") == {"completed": 5}
    assert "(20 requests used)" in answered["late"]["error"]["message"]


async def test_what_is_under_way_when_redis_is_emptied_counts_as_well(
    crew: Crew, models: RunningSimulator
) -> None:
    await planned(crew, "acme", limits=LIMITS)
    await crew.ready(crew.start())
    books = crew.start(command=("-m", "app", "books"))
    await until(lambda: books.lines("the books are kept"))
    await crew.send(*(request(f"a-{number}") for number in range(13)))
    await crew.answered(13)
    await crew.send(*(request(f"slow-{number}", text=SLOW) for number in range(3)))
    await until(lambda: models.in_flight == 3)

    await emptied(crew)
    await crew.send(*(request(f"b-{number}", over_limit="wait") for number in range(20)))
    answered = await crew.answered(20, TOLD_S)
    await asyncio.sleep(2)  # for a fifth

    answered = await crew.answered(20)
    assert statuses(answered, "slow-") == {"completed": 3}
    told = min(one["started_at"] for name, one in answered.items() if name.startswith("b-"))
    assert all(one["finished_at"] > told for name, one in answered.items() if name.startswith("slow-"))
    assert statuses(answered, "b-") == {"completed": 4}


async def test_a_worker_and_books_that_end_with_redis_leave_nobody_its_limit_twice(crew: Crew) -> None:
    await planned(crew, "acme", limits=LIMITS)
    worker, books = crew.start(), crew.start(command=("-m", "app", "books"))
    await crew.send(*(request(f"a-{number}") for number in range(15)))
    await crew.answered(15)
    worker.kill()
    books.kill()
    await emptied(crew)

    crew.start()
    await crew.send(*(request(f"b-{number}", over_limit="wait") for number in range(20)))
    await asyncio.sleep(10)
    assert len(await crew.answered(15)) == 15, "without the books nobody knows what was used"

    crew.start(command=("-m", "app", "books"))
    await crew.answered(20, TOLD_S)
    await asyncio.sleep(2)  # for a sixth
    assert statuses(await crew.answered(20), "b-") == {"completed": 5}
