"""Reads the tenants topic to its end, once: the plans as the workers have them."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

import typer

from app.operators.topic_scan import scan
from app.terminal.screen import one_line
from schemas.partitions import partition_for
from streams.observations import Occurrence, PlanPassedOver
from streams.options import KafkaOptions
from streams.plans import Plans
from streams.topics import TENANTS

MOST_TOLD = 5


class Unheeded:
    """Records that are no plan and stand behind a tenant's last plan: whoever wrote them should know."""

    def __init__(self) -> None:
        self._last: Final[dict[str, PlanPassedOver]] = {}

    def observe(self, occurrence: Occurrence) -> None:
        """One was passed over."""
        if isinstance(occurrence, PlanPassedOver):
            self._last[occurrence.tenant_id] = occurrence

    def superseded(self, key: bytes | None) -> None:
        """A plan followed."""
        self._last.pop((key or b"").decode(errors="replace"), None)

    @property
    def records(self) -> Mapping[str, PlanPassedOver]:
        """By tenant."""
        return self._last

    def lines(self) -> list[str]:
        """A few of them."""
        told = [
            f"a record of {one_line(one.tenant_id) or 'no tenant'} is passed over ({one.code}): "
            f"{one_line(one.why, 200)}"
            for one in list(self._last.values())[:MOST_TOLD]
        ]
        if len(self._last) > MOST_TOLD:
            told.append(f"and {len(self._last) - MOST_TOLD} more tenants' records are passed over")
        return told


@dataclass(frozen=True, slots=True)
class PlanReading:
    """The plans; whose records are passed over; and by key the offset of the last record."""

    plans: Plans
    passed_over: Mapping[str, PlanPassedOver]
    last: Mapping[bytes, int]


async def read_plans(kafka: KafkaOptions, tenant: str | None = None) -> Plans:
    """All that are in force, or one tenant's; what is passed over is told on standard error."""
    return (await read_topic(kafka, tenant)).plans


async def read_topic(kafka: KafkaOptions, tenant: str | None = None) -> PlanReading:
    """The same, with what a writer needs to know."""
    unheeded = Unheeded()
    plans = Plans(unheeded)
    last: dict[bytes, int] = {}
    async with aclosing(scan(kafka, TENANTS, tenant=tenant)) as batches:
        async for batch in batches:
            for record in batch:
                if tenant is not None and record.key != tenant.encode():
                    continue
                if partition_for(record.key or b"", kafka.partitions) == record.partition:
                    last[record.key or b""] = record.offset
                if plans.read(record, kafka.partitions):
                    unheeded.superseded(record.key)
    for line in unheeded.lines():
        typer.echo(line, err=True)
    return PlanReading(plans, unheeded.records, last)
