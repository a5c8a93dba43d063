"""Who sits, and who stands in line, is what streams/policy/caps.py says, at any time."""

import asyncio
from collections.abc import Mapping
from random import Random

import pytest
import redis.asyncio as redis

from app.adapters import redis_reservations
from app.adapters.redis_batch import RedisBatch, Script
from app.adapters.redis_client import connect_redis
from streams.policy import caps
from streams.policy.caps import Bench, Cap, Seated, Seeker
from streams.ports import RunKey, Shelf
from tests.contract.claim_stores import RedisCase
from tests.contract.run_steps import admitted

pytestmark = pytest.mark.broker

BEGIN_MS = 1_900_000_000_000
CLOCK_READING = "redis.call('TIME')"
CLOCK_KEY = "{penstock}:clock"
EVERY = (
    Cap(Bench("acme"), 3),
    Cap(Bench("acme", "support"), 2),
    Cap(Bench("acme", model="gpt"), 2),
    Cap(Bench(agent="support"), 3),
    Cap(Bench(agent="research"), 1),
)


@pytest.fixture
def url(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Redis whose clock the test sets."""
    shipped: Script = redis_reservations.SIT
    assert shipped.source.count(CLOCK_READING) == 1
    by_hand = shipped.source.replace(CLOCK_READING, f"redis.call('LRANGE', '{CLOCK_KEY}', 0, 1)")
    monkeypatch.setattr(redis_reservations, "SIT", Script(by_hand, shipped.joined))
    return redis_url


@pytest.mark.parametrize("seed", range(12))
def test_the_script_seats_whom_the_policy_seats(url: str, seed: int) -> None:
    asyncio.run(_play(url, Random(seed)))


async def _play(url: str, rng: Random) -> None:
    case, client = RedisCase(url), connect_redis(url)
    await client.flushdb()
    claims, runs = case.worker(), case.runs()
    await claims.rebuilt(Shelf("responses", 0), 0)
    workers = {
        name: redis_reservations.RedisReservations(RedisBatch(client), "penstock", 7, 1) for name in "abc"
    }
    present: list[RunKey] = [await admitted(claims, "t", request_id=f"r-{number}") for number in range(12)]
    benches: Mapping[Bench, Seated] = {}
    now_ms, seated = BEGIN_MS, 0
    for step in range(150):
        now_ms += rng.choice([0, 1, 300, 1000, 2500])
        await _set_clock(client, now_ms)
        run = rng.choice(present)
        if rng.random() < 0.4:
            await runs.leave(run, 60.0)
            benches = caps.stand_up(benches, run.request_id)
            continue
        asked = tuple(cap for cap in EVERY if rng.random() < 0.5) or EVERY[-1:]
        name, waits = rng.choice("abc"), rng.random() < 0.8
        benches, expected = caps.sit(benches, asked, Seeker(run.request_id, name, waits), now_ms)

        found = await workers[name].sit(run, asked, waits=waits)

        assert found == expected, step
        seated += expected is None
    assert 15 < seated < 120
    for cap in EVERY:
        names = benches.get(cap.bench, Seated()).names
        assert await client.scard(case.worker()._keys.seats(cap.bench)) == len(names)  # type: ignore[attr-defined]
    await client.aclose()
    await case.close()


async def _set_clock(client: "redis.Redis", now_ms: int) -> None:
    await client.delete(CLOCK_KEY)
    await client.rpush(CLOCK_KEY, now_ms // 1000, now_ms % 1000 * 1000)
