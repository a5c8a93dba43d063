"""Reads the tenants topic to its end, once: the plans as the workers have them."""

from contextlib import aclosing
from typing import Final

import typer

from app.operators.topic_scan import scan
from app.terminal.screen import one_line
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


async def read_plans(kafka: KafkaOptions, tenant: str | None = None) -> Plans:
    """All that are in force, or one tenant's; what is passed over is told on standard error."""
    unheeded = Unheeded()
    plans = Plans(unheeded)
    async with aclosing(scan(kafka, TENANTS, tenant=tenant)) as batches:
        async for batch in batches:
            for record in batch:
                if tenant is not None and record.key != tenant.encode():
                    continue
                if plans.read(record, kafka.partitions):
                    unheeded.superseded(record.key)
    for line in unheeded.lines():
        typer.echo(line, err=True)
    return plans
