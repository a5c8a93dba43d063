"""How far what Redis counts of tenants' months is from what the topics say."""

from datetime import datetime
from typing import Final

from app import settings
from app.adapters.redis_batch import RedisBatch
from app.adapters.redis_client import connect_redis
from app.adapters.redis_months import RedisMonths
from app.operators.quota_rebuild import QuotaRebuild
from app.operators.scratch import scratch
from app.operators.usage_reading import plans_of, read_quotas
from app.terminal.exits import Trouble
from benchmarks.report import Report
from benchmarks.terms import Terms
from benchmarks.worker_process import BenchFailed
from streams.policy.gates import What
from streams.ports import StoreUnavailable

WHATS: Final[tuple[What, ...]] = ("runs", "tokens")


async def difference(terms: Terms, now: datetime, report: Report) -> int:
    """In tokens, of all tenants with a quota, once nothing is under way. Raises BenchFailed."""
    try:
        return await _difference(terms, now, report)
    except (Trouble, StoreUnavailable) as error:
        raise BenchFailed(f"the months cannot be compared: {error}") from error


async def _difference(terms: Terms, now: datetime, report: Report) -> int:
    options = settings.load(
        kafka_bootstrap=terms.bootstrap,
        redis_url=terms.redis_url,
        topic_prefix=f"{terms.name}.",
        app_id=terms.name,
        partitions=terms.partitions,
    ).stream()
    in_force = await plans_of(options, frozenset())
    client = connect_redis(terms.redis_url)
    total = 0
    try:
        months = RedisMonths(RedisBatch(client), terms.name)
        with scratch() as room:
            rebuild = QuotaRebuild(in_force, frozenset(), None, now, room)
            await read_quotas(options.kafka, rebuild)
            for tenant, standing in rebuild.standings():
                if standing.quota.runs is None and standing.quota.tokens is None:
                    continue
                used, month = standing.account.used, standing.account.period.month
                counted = await months.counted(tenant, month.ordinal, WHATS)
                report.say(
                    f"{tenant}, {month}: Redis counts {counted['runs']} runs and {counted['tokens']} tokens, "
                    f"the topics {used.runs} and {used.tokens}"
                )
                total += abs(counted["tokens"] - used.tokens)
    finally:
        await client.aclose()
    return total
