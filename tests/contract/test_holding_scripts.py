"""What the scripts reserve, settle and give back is what streams/policy/holdings.py says, at any time."""

import asyncio
from collections.abc import Mapping
from random import Random

import pytest
import redis.asyncio as redis

from app.adapters import redis_claims, redis_reservations, redis_runs
from app.adapters.redis_batch import RedisBatch, Script
from app.adapters.redis_client import connect_redis
from streams.flow import Admit
from streams.policy import holdings
from streams.policy.caps import Bench, Cap, Filled
from streams.policy.gaps import Gap
from streams.policy.gates import Gate, Spending
from streams.policy.holdings import Before, Held
from streams.policy.windows import Counted, MonthWindow, Per, Window, recent
from streams.ports import Claim, RunKey, Shelf

pytestmark = pytest.mark.broker

BEGIN_MS = 1_900_000_000_000
CLOCK_READING = "redis.call('TIME')"
CLOCK_KEY = "{penstock}:clock"
PERS: tuple[Per, ...] = ("second", "minute", "day")
Key = tuple[object, ...]


@pytest.fixture
def url(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Redis whose clock the test sets."""
    scripts = {redis_claims: ("CLAIM", "ANSWER"), redis_runs: ("DECIDE", "LEAVE")}
    for module, names in {**scripts, redis_reservations: ("RESERVE",)}.items():
        for name in names:
            shipped: Script = getattr(module, name)
            assert shipped.source.count(CLOCK_READING) == 1
            by_hand = shipped.source.replace(CLOCK_READING, f"redis.call('LRANGE', '{CLOCK_KEY}', 0, 1)")
            monkeypatch.setattr(module, name, Script(by_hand, shipped.joined))
    return redis_url


class Both:
    """Redis, and what the policy says of the same."""

    def __init__(self, url: str) -> None:
        self.client: redis.Redis = connect_redis(url)
        batch = RedisBatch(self.client)
        self.claims = redis_claims.RedisClaims(batch, "penstock", 7)
        self.runs = redis_runs.RedisRuns(batch, "penstock", 7, 30)
        self.reservations = redis_reservations.RedisReservations(batch, "penstock", 7, 1)
        self.now_ms = BEGIN_MS
        self.states: Mapping[Key, Counted] = {}
        self.held: dict[RunKey, Mapping[Key, Held]] = {}
        self.windows: dict[Key, Gate] = {}
        self.before: Before[Key] | None = None

    async def at(self, now_ms: int) -> None:
        self.now_ms = now_ms
        await self.client.delete(CLOCK_KEY)
        await self.client.rpush(CLOCK_KEY, now_ms // 1000, now_ms % 1000 * 1000)

    async def lose(self, told: bool, shared: Gate, amount: int) -> None:
        """What was before now is a gap, or was told: so much was used by all users together."""
        gap, bucket = Gap(self.now_ms, told), shared.window.bucket(self.now_ms)
        self.before = Before(gap, {shared.of: Counted({bucket: amount})})
        keys = self.claims._keys
        await self.client.set(keys.gap(0), f"{self.now_ms}{':told' if told else ''}")
        await self.client.delete(keys.everybody("acme", shared))
        await self.client.hset(keys.everybody("acme", shared), str(bucket), str(amount))

    async def claim(self, name: str, gates: tuple[Gate, ...]) -> RunKey | None:
        (verdict,) = await self.claims.claim([Claim("acme", name, "a" * 64, 0, gates, name)])
        by_key: dict[Key, Gate] = {gate.of: gate for gate in gates}
        self.windows.update(by_key)
        self.states, closed = holdings.enter(self.states, by_key, self.now_ms, self.before)
        assert (verdict == Admit(1)) == (closed is None)
        if closed is not None:
            assert getattr(verdict, "retry_after_ms", None) == max(0, closed.retry_after_ms)
            return None
        run = RunKey("acme", name, 1, name)
        self.held[run] = holdings.held_by(by_key, self.now_ms)
        return run

    async def reserve(self, run: RunKey, gates: tuple[Gate, ...], spent: Spending) -> None:
        refused = await self.reservations.reserve(run, gates, spent)
        by_key: dict[Key, Gate] = {gate.of: gate for gate in gates}
        wanted = holdings.missing(by_key, self.held[run], spent, self.now_ms)
        self.states, closed = holdings.enter(self.states, wanted, self.now_ms, self.before)
        assert (refused is None) == (closed is None)
        if closed is None:
            more = holdings.held_by(wanted, self.now_ms)
            self.held[run] = holdings.together(self.held[run], more)

    async def settle(self, run: RunKey, spent: Spending, *, over: bool) -> None:
        if over:
            await self.runs.decide(run, b"o", None, spent)
        else:
            await self.runs.leave(run, 5.0, spent)
        left, states = {}, dict(self.states)
        for key, held in self.held.pop(run).items():
            states[key], left[key] = holdings.settle(states.get(key, Counted()), held, spent, self.now_ms)
        self.states = states
        if not over:
            self.held[run] = left

    async def compare(self) -> None:
        """Bucket by bucket, as far as it is in the window."""
        for key, gate in self.windows.items():
            name = self.claims._keys.window("acme", gate)
            stored = await self.client.hgetall(name)
            found = Counted({int(bucket): int(n) for bucket, n in stored.items()})
            expected = recent(self.states.get(key, Counted()), gate.window, self.now_ms)
            shown = {n: v for n, v in recent(found, gate.window, self.now_ms).buckets.items() if v}
            assert shown == {n: v for n, v in expected.buckets.items() if v}


@pytest.mark.parametrize("seed", range(24))
def test_the_scripts_hold_what_the_policy_says(url: str, seed: int) -> None:
    asyncio.run(_play(url, Random(seed)))


async def _play(url: str, rng: Random) -> None:
    both = Both(url)
    await both.client.flushdb()
    await both.claims.rebuilt(Shelf("responses", 0), 0)
    window = Window(rng.randint(100, 400), rng.choice(PERS))
    requests = Gate(Window(20, "minute"))
    of_ann = Gate(Window(12, rng.choice(PERS)), 1, "requests", "", "ann é")
    losses = rng.random() < 0.5
    leaps = [rng.randint(0, 10 * 86_400_000)] if rng.random() < 0.7 else []

    month_ms = 30 * 86_400_000

    def month(limit: int) -> MonthWindow:
        number = both.now_ms // month_ms
        return MonthWindow(limit, number, (number + 1) * month_ms)

    def gates(tokens: int, cost: int) -> tuple[Gate, ...]:
        return (
            Gate(month(12), 1, "runs"),
            Gate(month(900), tokens, "tokens"),
            Gate(window, tokens, "tokens"),
            Gate(Window(10**15, "day"), cost * 10**12, "cost_usd", "support"),
        )

    for number in range(80):
        await both.at(both.now_ms + rng.choice([0, 0, window.bucket_ms, 9 * window.bucket_ms, *leaps]))
        if losses and rng.random() < 0.1:
            await both.lose(rng.random() < 0.7, of_ann, rng.randint(0, 14))
        run = rng.choice(list(both.held)) if both.held and rng.random() < 0.6 else None
        if run is None:
            asked = (requests, of_ann, *gates(rng.randint(0, 60), rng.randint(0, 50)))
            await both.claim(f"r-{number}", asked)
        elif rng.random() < 0.5:
            spent = Spending(rng.randint(0, 60), rng.randint(0, 30) * 10**12, runs=1)
            await both.reserve(run, gates(rng.randint(0, 200), rng.randint(0, 90)), spent)
        else:
            spent = Spending(rng.randint(0, 150), rng.randint(0, 90) * 10**12, runs=1)
            await both.settle(run, spent, over=rng.random() < 0.7)
        await both.compare()
    await both.client.aclose()


async def test_a_seat_is_freed_that_somebody_left_without_standing_up(redis_url: str) -> None:
    both = Both(redis_url)
    await both.client.flushdb()
    await both.claims.rebuilt(Shelf("responses", 0), 0)
    claims = [Claim("acme", name, "a" * 64, 0, (), name) for name in ("r-1", "r-2", "r-3")]
    assert await both.claims.claim(claims) == [Admit(1)] * 3
    runs = [RunKey("acme", name, 1, name) for name in ("r-1", "r-2", "r-3")]
    two = (Cap(Bench("acme"), 2),)
    assert [await both.reservations.sit(run, two) for run in runs] == [None, None, Filled(two[0], 2)]

    await both.client.delete(both.claims._keys.journal("acme", "r-1"))

    assert await both.reservations.sit(runs[2], two) is None
    assert await both.reservations.sit(runs[1], two) is None
    assert await both.client.scard(both.claims._keys.seats(Bench("acme"))) == 2
    await both.client.aclose()
