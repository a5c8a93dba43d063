"""All checks of `penstock doctor`, side by side."""

import asyncio

from agents_defs.model_access import open_models
from app.adapters.clock import SystemClock
from app.adapters.redis_client import connect_redis
from app.doctor import kafka, machine, mcp, models, parked, redis, signing
from app.doctor.finding import Finding, fail
from app.settings import Settings


async def examine(settings: Settings) -> list[Finding]:
    """Every finding, in the order in which one would set things right."""
    options = settings.stream()
    # First what imports the Agents SDK: it holds the loop for seconds, which the others would wait for.
    local = machine.examine(options.flow.max_in_flight, settings.patterns, settings.agents_dir)
    access = open_models(settings.models(), now=SystemClock.now, at=SystemClock.at)
    groups = await asyncio.gather(
        kafka.examine(options.kafka, options.flow.idempotency_days),
        parked.examine(options.kafka),
        _redis(settings.redis_url),
        models.examine(access),
        mcp.examine(settings.mcp(), settings.patterns, settings.agents_dir),
        signing.examine(options.kafka, options.trust, SystemClock.at()),
    )
    return [*local, *(finding for group in groups for finding in group)]


async def _redis(url: str) -> list[Finding]:
    try:
        client = connect_redis(url)
    except ValueError as error:
        return [fail("redis", f"PENSTOCK_REDIS_URL is no address: {error}", "write redis://host:6379/0")]
    try:
        return await redis.examine(client, url)
    finally:
        await client.aclose()
