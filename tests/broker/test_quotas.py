"""A month's quota on real workers: what they count is what the topics say, whoever crashes."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import redis.asyncio as redis

from app.adapters.redis_batch import RedisBatch
from app.adapters.redis_client import connect_redis
from app.adapters.redis_months import RedisMonths
from app.simulator.server import RunningSimulator
from schemas.times import parse_at
from streams.policy.months import month_of
from tests.broker.crew import Crew, request, until
from tests.broker.stand_in_worker import Ended, StandIn
from tests.broker.test_plan_limits import SLOW, planned
from tests.broker.topic_reader import read_until

TOKENS = 40_000


async def usage(crew: Crew, *words: str) -> Ended:
    return await StandIn(crew.kafka, env={"PENSTOCK_REDIS_URL": crew.redis_url}).run(
        "usage", "--rebuild", *words
    )


async def test_the_months_quota_holds_and_is_what_the_topics_say_whoever_crashes(
    crew: Crew, models: RunningSimulator
) -> None:
    quota = {"tokens": TOKENS, "runs": 60, "cost_usd": "100"}
    await planned(crew, "acme", limits=[], max_output_tokens=200, quota=quota)
    first = crew.start()
    await crew.send(*(request(f"a-{number}", text=SLOW) for number in range(30)))
    await until(lambda: models.in_flight > 0)
    first.kill()
    crew.start()
    await crew.send(*(request(f"b-{number}", text=SLOW) for number in range(70)))
    answered = await crew.answered(100)
    await crew.caught_up()

    completed = [one for one in answered.values() if one["status"] == "completed"]
    refused = [one for one in answered.values() if one["status"] == "refused"]
    assert (len(completed), len(refused)) == (60, 40)
    assert {one["error"]["code"] for one in refused} == {"quota_runs"}

    compared = await usage(crew, "--compare")
    told = await usage(crew, "--tenant", "acme", "--json")
    counted = await counts(crew, completed[0]["finished_at"])

    assert "workers count no less than this" in compared.err
    for what, figure in (("runs", 60), ("tokens", None), ("cost_usd", None)):
        assert f'"{what}":{{"used":' in told.out
        assert figure is None or counted[what] == figure
    used = sum(one["usage"]["input_tokens"] + one["usage"]["output_tokens"] for one in answered.values())
    assert counted["tokens"] == used
    assert f'"tokens":{{"used":{used},' in told.out


async def test_what_was_used_before_a_quota_began_is_made_up_for(crew: Crew) -> None:
    crew.start()
    await crew.send(*(request(f"a-{number}") for number in range(5)))
    before = await crew.answered(5)
    await crew.caught_up()
    await planned(crew, "acme", quota={"runs": 6})

    compared = await usage(crew, "--compare")
    applied = await usage(crew, "--apply")
    again = await usage(crew, "--apply")

    assert "0 runs counted, 5 runs used" in compared.err
    assert "--apply has them count what was used" in compared.err
    assert "workers count what was used from now on" in applied.err
    assert "workers count no less than this" in again.err
    await crew.send(request("b-1"), request("b-2"))
    answered = await crew.answered(7)
    assert sorted(answered[name]["status"] for name in answered.keys() - before.keys()) == [
        "completed",
        "refused",
    ]


async def test_without_redis_nothing_is_compared(crew: Crew) -> None:
    await planned(crew, "acme", quota={"runs": 6})
    away = StandIn(crew.kafka, env={"PENSTOCK_REDIS_URL": "redis://127.0.0.1:1/0"})

    ended = await away.run("usage", "--rebuild", "--apply")

    assert ended.code == 2
    assert "no Redis answers at PENSTOCK_REDIS_URL" in ended.err


async def audited(crew: Crew, audit_id: str) -> dict[str, Any]:
    """Wait for a record of the audit topic."""

    def found(records: Sequence[Any]) -> list[dict[str, Any]]:
        told = [json.loads(record.value) for record in records]
        return [one for one in told if one["audit_id"] == audit_id]

    await read_until(crew.kafka.bootstrap, crew.topic("audit"), lambda records: bool(found(records)), 60)
    (one,) = found(await crew.read("audit"))
    return one


async def counts(crew: Crew, finished_at: str) -> dict[str, int]:
    client: redis.Redis = connect_redis(crew.redis_url)
    month = month_of(parse_at(finished_at), "UTC").ordinal
    try:
        months = RedisMonths(RedisBatch(client), crew.kafka.app_id)
        return {
            str(what): n
            for what, n in (await months.counted("acme", month, ("runs", "tokens", "cost_usd"))).items()
        }
    finally:
        await client.aclose()


async def test_the_books_tell_what_is_used_and_a_redis_that_forgot(crew: Crew) -> None:
    await planned(crew, "acme", limits=[], quota={"runs": 6})
    await crew.ready(crew.start())
    crew.start(command=("-m", "app", "books"))
    await crew.send(*(request(f"a-{number}") for number in range(5)))
    before = await crew.answered(5)
    month = before["a-0"]["admitted_at"][:7]

    told = await audited(crew, f"quota-acme-{month}-runs-80-of-6")
    assert told["subject"] == f"quota of runs, {month}: 80 % used (5 of 6)"
    assert (told["action"], told["outcome"], told["actor"]) == ("quota", "used_80", "penstock")

    client: redis.Redis = connect_redis(crew.redis_url)
    await client.flushdb()
    await client.aclose()
    async with asyncio.timeout(30):
        while (await counts(crew, before["a-0"]["finished_at"]))["runs"] < 5:
            await asyncio.sleep(0.1)

    await crew.send(request("b-1"), request("b-2"))
    answered = await crew.answered(7)
    later = sorted(answered[name]["status"] for name in answered.keys() - before.keys())
    assert later == ["completed", "refused"]
