"""Reads the topics that `penstock usage` answers from, each once and to its end as it is now."""

from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from app.adapters.clock import SystemClock
from app.client.places import Since, Start
from app.operators.plan_reading import read_plans
from app.operators.quota_rebuild import QuotaRebuild
from app.operators.terms_in_force import TermsInForce
from app.operators.topic_scan import BEGINNING, scan
from app.operators.usage_report import By, UsageReport
from streams.options import KafkaOptions, StreamOptions
from streams.topics import REQUESTS, RESPONSES, USAGE

CLOCKS_DIFFER = timedelta(hours=1)
EPOCH = datetime(1970, 1, 2, tzinfo=UTC)


async def plans_of(options: StreamOptions, tenants: frozenset[str]) -> TermsInForce:
    """The plans of these tenants at least; no tenants: of all."""
    plans = await read_plans(options.kafka, next(iter(tenants)) if len(tenants) == 1 else None)
    return TermsInForce(options.limits, plans)


async def read_usage(kafka: KafkaOptions, report: UsageReport) -> None:
    """Fill the report; with users, by way of the requests."""
    question = report.question
    start, with_users = _start(question.span.earliest), question.by is By.USER
    async with aclosing(scan(kafka, USAGE, tenants=question.tenants, start=start)) as batches:
        async for batch in batches:
            # Not before the end of the usage that is read is fixed: all that it is of was asked for by then.
            if with_users:
                await _read_users(kafka, report)
                with_users = False
            report.add_all(batch)


async def read_quotas(kafka: KafkaOptions, rebuild: QuotaRebuild) -> None:
    """Fill it. Outcomes first: they know better than paid calls when a run was admitted."""
    async with aclosing(scan(kafka, RESPONSES, tenants=rebuild.tenants)) as batches:
        async for batch in batches:
            rebuild.add_responses(batch)
    start = _start(rebuild.earliest)
    async with aclosing(scan(kafka, USAGE, tenants=rebuild.tenants, start=start)) as batches:
        async for batch in batches:
            rebuild.add_usage(batch)


async def _read_users(kafka: KafkaOptions, report: UsageReport) -> None:
    async with aclosing(scan(kafka, REQUESTS, tenants=report.question.tenants)) as batches:
        async for batch in batches:
            report.note_users(batch)


def _start(earliest: datetime | None) -> Start:
    """What was used is written down later, but by another clock; what is of days to come, whenever it was."""
    if earliest is None or earliest > SystemClock.at():
        return BEGINNING
    return Since(max(EPOCH, earliest - CLOCKS_DIFFER))
