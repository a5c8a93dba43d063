"""The windows in Redis are those of the policy: the script and streams/policy/windows.py decide alike."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
import redis.asyncio as redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.adapters import redis_claims
from app.adapters.redis_batch import RedisBatch, Script
from app.adapters.redis_claims import RedisClaims
from app.adapters.redis_client import connect_redis
from streams.flow import Admit, Refuse, Verdict
from streams.policy.gates import Gate
from streams.policy.windows import SECONDS, Counted, Per, Window, Within, count
from streams.ports import Claim, Shelf

pytestmark = pytest.mark.broker

BEGIN_MS = 1_900_000_000_000
CLOCK_READING = "redis.call('TIME')"
CLOCK_KEY = "{penstock}:clock"

steps = st.lists(
    st.tuples(
        st.one_of(st.just(0.0), st.floats(0, 3), st.floats(0, 70), st.sampled_from([1.0, 59.0, 60.0, 61.0])),
        st.integers(1, 4),  # requests that arrive together
    ),
    min_size=1,
    max_size=30,
)


@pytest.fixture
def url(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Redis whose clock the test sets: the script itself is the one that is shipped."""
    assert redis_claims.CLAIM.source.count(CLOCK_READING) == 1
    by_hand = redis_claims.CLAIM.source.replace(CLOCK_READING, f"redis.call('LRANGE', '{CLOCK_KEY}', 0, 1)")
    monkeypatch.setattr(redis_claims, "CLAIM", Script(by_hand))
    return redis_url


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator["redis.Redis"]:
    connected = connect_redis(redis_url)
    yield connected
    await connected.aclose()


class Deployment:
    """A claim store at a time of our choosing."""

    def __init__(self, url: str) -> None:
        self.client = connect_redis(url)
        self.claims = RedisClaims(RedisBatch(self.client), "penstock", 7)
        self._asked = 0

    async def __aenter__(self) -> "Deployment":
        await self.client.flushdb()
        await self.claims.rebuilt(Shelf("responses", 0), 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()

    async def ask(self, window: Window, now_ms: int, number: int) -> Sequence[Verdict]:
        await self.client.delete(CLOCK_KEY)
        await self.client.rpush(CLOCK_KEY, now_ms // 1000, now_ms % 1000 * 1000)
        claims = [Claim("acme", f"r-{self._asked + n}", "a" * 64, 0, (Gate(window),)) for n in range(number)]
        self._asked += number
        return await self.claims.claim(claims)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(0, 12), per=st.sampled_from(tuple(SECONDS)), arrivals=steps)
def test_the_script_decides_as_the_policy_does(
    url: str, limit: int, per: Per, arrivals: list[tuple[float, int]]
) -> None:
    window = Window(limit, per)

    async def compare() -> None:
        state, now_ms = Counted(), BEGIN_MS
        async with Deployment(url) as deployment:
            for pause, number in arrivals:
                now_ms += round(pause * window.bucket_ms)
                for verdict in await deployment.ask(window, now_ms, number):
                    state, expected = count(state, window, now_ms)
                    if isinstance(expected, Within):
                        assert verdict == Admit(1)
                        continue
                    assert isinstance(verdict, Refuse)
                    assert verdict.retry_after_ms == expected.retry_after_ms
                    assert f"({expected.used} requests used)" in verdict.message

    asyncio.run(compare())


async def test_what_left_the_window_is_deleted(url: str) -> None:
    window = Window(100, "minute")
    async with Deployment(url) as deployment:
        for second in range(300):
            await deployment.ask(window, BEGIN_MS + second * 1000, 1)

        assert await deployment.client.hlen("{penstock}:w:minute:acme") <= 62


async def test_a_window_is_forgotten_when_nobody_asks_any_more(client: "redis.Redis") -> None:
    claims = RedisClaims(RedisBatch(client), "penstock", 7)
    await claims.rebuilt(Shelf("responses", 0), 0)
    await claims.claim([Claim("acme", "r-1", "a" * 64, 0, (Gate(Window(3, "minute")),))])

    left_ms = await client.pttl("{penstock}:w:minute:acme")

    assert 60_000 < left_ms <= 62_000


async def test_ids_are_remembered_as_long_as_the_contract_says(client: "redis.Redis") -> None:
    claims = RedisClaims(RedisBatch(client), "penstock", 7)
    await claims.rebuilt(Shelf("responses", 0), 0)
    await claims.claim([Claim("acme", "r-1", "a" * 64, 0)])
    day_ms = 86_400_000

    assert 7 * day_ms - 60_000 < await client.pttl("{penstock}:r:4:acme:r-1") <= 7 * day_ms


async def test_scripts_that_a_restart_forgot_are_loaded_again(client: "redis.Redis") -> None:
    claims = RedisClaims(RedisBatch(client), "penstock", 7)
    await claims.rebuilt(Shelf("responses", 0), 0)
    await claims.claim([Claim("acme", "r-1", "a" * 64, 0)])

    await client.script_flush()

    assert await claims.claim([Claim("acme", "r-1", "a" * 64, 0)]) == [Admit(2)]


async def test_deployments_on_one_redis_do_not_mix(client: "redis.Redis") -> None:
    one, other = RedisClaims(RedisBatch(client), "one", 7), RedisClaims(RedisBatch(client), "other", 7)
    for claims in (one, other):
        await claims.rebuilt(Shelf("responses", 0), 0)

    await one.claim([Claim("acme", "r-1", "a" * 64, 0, (Gate(Window(1, "minute")),))])

    assert await other.claim([Claim("acme", "r-1", "a" * 64, 0, (Gate(Window(1, "minute")),))]) == [Admit(1)]


async def test_all_keys_of_a_deployment_live_on_one_slot_of_a_cluster(client: "redis.Redis") -> None:
    claims = RedisClaims(RedisBatch(client), "penstock", 7)
    await claims.rebuilt(Shelf("responses", 0), 0)
    await claims.claim([Claim("acme", "r-1", "a" * 64, 0, (Gate(Window(1, "minute")),))])

    keys = [key.decode() async for key in client.scan_iter()]

    assert len(keys) == 3
    assert all(key.startswith("{penstock}:") for key in keys)
