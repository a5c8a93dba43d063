"""What it costs that everything is durable: in CPU beside the bare SDK, and in the time of one request."""

from collections.abc import Mapping
from dataclasses import replace

from app.adapters.redis_client import connect_redis
from benchmarks import entrants, one_at_a_time, topics
from benchmarks.backlog import Plan
from benchmarks.figures import Figures, Latency, middle
from benchmarks.lineup import TRANSACTIONAL
from benchmarks.report import Report
from benchmarks.rounds import play
from benchmarks.scale import Scale
from benchmarks.servers import Servers
from benchmarks.terms import Terms
from benchmarks.worker_process import BenchFailed

TOOL_CALLS = 2  # and so three calls of the model
WARM_UP = 500  # several times what is in flight, for runs that start together end together at first
EMPTY = "empty transaction (begin, one record, commit)"
KEPT = {"appendonly": ("yes",), "appendfsync": ("everysec", "always")}


async def three_step_cost(found: Servers, scale: Scale, report: Report) -> Figures:
    """Three durable steps (three model calls, two tools) in CPU, beside the same in the bare SDK."""
    alone = Terms(
        found.bootstrap,
        found.redis_url,
        "alone-steps",
        warm_up=WARM_UP,
        runs=scale.step_runs,
        tool_calls=TOOL_CALLS,
        in_flight=1,  # where the bare SDK is at its best: runs that share an Agent pay for each other
    )
    outcome = await play(
        "three model calls and two tools, instant model (bare: one at a time; Penstock: 100 in flight)",
        [
            entrants.alone(alone),
            entrants.entrant(TRANSACTIONAL, _terms(found, "steps"), Plan(scale.step_runs, WARM_UP)),
        ],
        scale.repeats,
        report,
    )
    return {"three_step_ratio": outcome.ratio(TRANSACTIONAL.title, entrants.ALONE_TITLE)}


async def three_step_time(found: Servers, scale: Scale, report: Report) -> Figures:
    """Three durable steps, one request at a time, beside an empty transaction."""
    terms = _terms(found, "alone")
    await TRANSACTIONAL.create_topics(terms)
    await topics.create(terms, (f"{terms.name}.empty",))
    steps: list[Latency] = []
    empty: list[Latency] = []
    for number in range(scale.slices):
        report.progress(f"one request at a time: slice {number + 1} of {scale.slices}")
        report.load()
        empty.append(await one_at_a_time.measure_transactions(terms, scale.alone_requests))
        steps.append(await one_at_a_time.measure(TRANSACTIONAL, terms, scale.alone_requests))
        report.load()
    ours = middle(steps)
    report.one_at_a_time(f"{TRANSACTIONAL.title}, three model calls and two tools", ours)
    report.one_at_a_time(EMPTY, middle(empty))
    return {"three_step_p50_ms": ours.p50_ms, "three_step_p99_ms": ours.p99_ms}


def _terms(found: Servers, name: str) -> Terms:
    return replace(TRANSACTIONAL.terms(found, f"transactional-{name}"), tool_calls=TOOL_CALLS)


async def require_durable(redis_url: str) -> None:
    """Raise unless the Redis under measurement writes what it is told to its disk."""
    client = connect_redis(redis_url)
    try:
        check_durable(await client.config_get(*KEPT))
    finally:
        await client.aclose()


def check_durable(config: Mapping[str | None, str | None]) -> None:
    """What a Redis says of itself: a price of durability is none without it."""
    for name, good in KEPT.items():
        if config.get(name) not in good:
            raise BenchFailed(f"Redis runs with {name} {config.get(name)}: what it is told is not durable")
