"""What the durable state of a run costs: this process' CPU and Redis' own, for each of its calls.

`python -m benchmarks.run_store [redis url]`; without one a Redis of its own is started.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from app.adapters.redis_batch import RedisBatch
from app.adapters.redis_claims import RedisClaims
from app.adapters.redis_client import connect_redis
from app.adapters.redis_runs import RedisRuns
from app.brokers.redis import RedisOptions, RedisServer
from app.lifetime import run
from streams.flow import Admit, Answered
from streams.ports import Claim, RunKey, SessionTurn, Shelf, Told

AT_ONCE = 100
ROUNDS = 100
SHA = "a" * 64
TOLD = Told({"m:/m0": b"m" * 1500})  # what a model answered
OUTCOME = b"o" * 2500
ITEMS = [{"role": "user", "content": "x" * 200}, {"role": "assistant", "content": "y" * 400}]


@dataclass
class Cost:
    """What was spent on one kind of call, in microseconds a call."""

    name: str
    own_us: float
    redis_us: float
    commands: float


class Bench:
    """One store, and what is asked of it."""

    def __init__(self, url: str) -> None:
        self.client = connect_redis(url)
        batch = RedisBatch(self.client)
        self.claims = RedisClaims(batch, "bench", 7)
        self.runs = RedisRuns(batch, "bench", 7, 30)

    async def claim(self, round_: int) -> list[RunKey]:
        """A batch, as admission asks for it."""
        names = [f"{round_}-{number}" for number in range(AT_ONCE)]
        verdicts = await self.claims.claim([Claim("acme", name, SHA, 0, (), name) for name in names])
        assert verdicts == [Admit(1)] * AT_ONCE
        return [RunKey("acme", name, 1, name) for name in names]

    async def answer(self, keys: list[RunKey]) -> None:
        """A batch, as the outbox remembers it."""
        await self.claims.answer([Answered(key.tenant_id, key.request_id, SHA) for key in keys], {})

    async def measure(self, name: str, work: Callable[[int], Awaitable[object]], calls: int) -> Cost:
        """ROUNDS times that work, which is so many calls."""
        await self.client.config_resetstat()
        before = time.process_time()
        for round_ in range(ROUNDS):
            await work(round_)
        own = time.process_time() - before
        stats = await self.client.info("commandstats")
        scripts = [stats.get(f"cmdstat_{command}", {}) for command in ("evalsha", "eval")]
        total = ROUNDS * calls
        return Cost(
            name,
            own * 1e6 / total,
            sum(one.get("usec", 0) for one in scripts) / total,
            sum(one.get("calls", 0) for one in scripts) / total,
        )


async def costs(url: str) -> list[Cost]:
    """Each call alone, then the calls of a run after one another."""
    bench = Bench(url)
    await bench.client.flushdb()
    await bench.claims.rebuilt(Shelf("responses", 0), 0)
    runs, keys = bench.runs, {}

    async def claim(round_: int) -> None:
        keys[round_] = await bench.claim(round_)

    async def begin(round_: int) -> None:
        await asyncio.gather(*(runs.begin(key, 1, None) for key in keys[round_]))

    async def record(round_: int) -> None:
        await asyncio.gather(*(runs.record(key, TOLD, 1) for key in keys[round_]))

    async def decide(round_: int) -> None:
        await asyncio.gather(*(runs.decide(key, OUTCOME, None) for key in keys[round_]))

    async def answer(round_: int) -> None:
        await bench.answer(keys[round_])

    async def one(key: RunKey, session_id: str | None) -> None:
        await runs.begin(key, 1, session_id)
        await runs.record(key, TOLD, 1)
        await runs.decide(key, OUTCOME, SessionTurn(session_id, ITEMS) if session_id else None)

    async def whole(round_: int) -> None:
        await asyncio.gather(*(one(key, None) for key in keys[round_ + ROUNDS]))

    async def with_session(round_: int) -> None:
        chosen = keys[round_ + 2 * ROUNDS]
        await asyncio.gather(*(one(key, f"s-{number}-{round_ // 10}") for number, key in enumerate(chosen)))

    try:
        found = [
            await bench.measure(work.__name__, work, AT_ONCE)
            for work in (claim, begin, record, decide, answer)
        ]
        for round_ in range(ROUNDS, 3 * ROUNDS):
            await claim(round_)
        found.append(await bench.measure("begin + record + decide", whole, AT_ONCE))
        found.append(await bench.measure("... with a session", with_session, AT_ONCE))
        return found
    finally:
        await bench.client.aclose()


async def report(url: str) -> int:
    """Print a table."""
    print(f"{AT_ONCE} at once, {ROUNDS} rounds; microseconds a call")
    print(f"{'call':28}{'this process':>14}{'Redis':>10}{'commands':>10}")
    for cost in await costs(url):
        print(f"{cost.name:28}{cost.own_us:14.1f}{cost.redis_us:10.1f}{cost.commands:10.3f}")
    return 0


def main() -> int:
    """On that Redis, or on one of our own."""
    if len(sys.argv) > 1:
        return run(lambda: report(sys.argv[1]))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        server = RedisServer(RedisOptions(data_dir=Path(home)))
        try:
            url = server.start().url
            return run(lambda: report(url))
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
