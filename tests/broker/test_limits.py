"""Windows hold across crashes, restarts and a Redis that comes and goes."""

import asyncio

from app.brokers.redis import RedisServer
from app.simulator.server import RunningSimulator
from tests.broker.crew import Crew, request, until

LIMIT = 20


async def test_of_many_requests_the_window_s_number_is_admitted_whoever_crashes(
    crew: Crew, models: RunningSimulator
) -> None:
    crew.settings["PENSTOCK_REQUESTS_PER_MINUTE"] = str(LIMIT)
    first = crew.start()
    slow = "[[sim: latency_ms=300]]"
    await crew.send(*(request(f"a-{number}", "acme", slow) for number in range(LIMIT - 5)))
    await until(lambda: models.in_flight > 0)
    first.kill()

    crew.start()
    await crew.send(
        *(request(f"b-{number}", "acme", slow) for number in range(30)),
        *(request(f"c-{number}", "globex", slow) for number in range(5)),
    )

    answered = await crew.answered(LIMIT - 5 + 35)
    admitted = [key for key, one in answered.items() if one["status"] == "completed" and key[0] in "ab"]
    assert len(admitted) == LIMIT
    assert {answered[f"a-{number}"]["status"] for number in range(LIMIT - 5)} == {"completed"}
    assert {answered[f"c-{number}"]["status"] for number in range(5)} == {"completed"}
    refused = [one for one in answered.values() if one["status"] == "refused"]
    assert {one["error"]["code"] for one in refused} == {"limit_requests"}
    assert all(0 < one["error"]["retry_after_ms"] <= 61_000 for one in refused)
    await crew.caught_up()


async def test_while_redis_is_away_nothing_is_admitted_and_then_everything_is(
    crew: Crew, own_redis: RedisServer, models: RunningSimulator
) -> None:
    crew.redis_url = own_redis.start().url
    worker = crew.start(requests_per_minute=10)
    await crew.send(*(request(f"a-{number}") for number in range(5)))
    await crew.answered(5)

    own_redis.kill()
    await crew.send(*(request(f"b-{number}") for number in range(10)))
    await until(lambda: worker.lines("a store does not answer: admission waits"))
    assert models.calls == 5
    await asyncio.to_thread(own_redis.restart)

    answered = await crew.answered(15)
    statuses = [one["status"] for one in answered.values()]
    assert (statuses.count("completed"), statuses.count("refused")) == (10, 5)
    assert worker.alive()
    await crew.caught_up()
